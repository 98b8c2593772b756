"""Which plugin keeps which promise, as a table."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

WORST = ("pass", "skip", "xfail", "fail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What became of one promise of one plugin."""

    plugin: str
    test: str
    promise: str
    outcome: str
    reason: str = ""


class ContractReport:
    """Collects verdicts; of several on one promise of one plugin the worst stays."""

    def __init__(self) -> None:
        self._verdicts: dict[tuple[str, str], Finding] = {}

    def add(self, *, plugin: str, test: str, promise: str, outcome: str, reason: str) -> None:
        new = Finding(plugin=plugin, test=test, promise=promise, outcome=outcome, reason=reason)
        old = self._verdicts.get((test, plugin))
        if old is None or WORST.index(new.outcome) > WORST.index(old.outcome):
            self._verdicts[test, plugin] = new

    @property
    def verdicts(self) -> list[Finding]:
        return list(self._verdicts.values())

    def write(self, path: Path) -> None:
        """Write JSON or Markdown, as the name of ``path`` ends."""
        path.parent.mkdir(parents=True, exist_ok=True)
        text = self.as_json() if path.suffix == ".json" else self.as_markdown()
        path.write_text(text, encoding="utf-8")

    def as_json(self) -> str:
        return json.dumps([asdict(verdict) for verdict in self.verdicts], indent=2) + "\n"

    def as_markdown(self) -> str:
        """One row for each promise, one column for each plugin; the reasons below."""
        plugins = sorted({verdict.plugin for verdict in self.verdicts})
        promises = {verdict.test: verdict.promise for verdict in self.verdicts}
        notes: list[str] = []
        lines = [_row(["Promise", *plugins]), _row(["---"] * (len(plugins) + 1))]
        for test, promise in promises.items():
            cells = [self._cell(test, plugin, notes) for plugin in plugins]
            lines.append(_row([promise, *cells]))
        numbered = [f"{number}. {note}" for number, note in enumerate(notes, 1)]
        return "\n".join([*lines, "", *numbered]).strip() + "\n"

    def _cell(self, test: str, plugin: str, notes: list[str]) -> str:
        verdict = self._verdicts.get((test, plugin))
        if verdict is None:
            return ""
        if not verdict.reason:
            return verdict.outcome
        note = f"{plugin}: {verdict.reason}"
        if note not in notes:
            notes.append(note)
        return f"{verdict.outcome} ({notes.index(note) + 1})"


def _row(cells: list[str]) -> str:
    # What stands in a cell must neither end it nor the row.
    return "| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells) + " |"
