"""The log of ``lbdisc run`` as JSON lines: which change came to which stage, and when."""

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

SEPARATORS = ("came", "went", "changed")


class AgentLog:
    """Reads on in ``path`` whenever it is asked. A line names up to ten endpoints for each kind."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._stages: dict[str, dict[str, float]] = {}
        self._generations = 0

    @property
    def generations(self) -> int:
        """How many generations came to run, over all starts."""
        self._read_on()
        return self._generations

    def stages(self, name: str) -> dict[str, float]:
        """``snapshot`` and ``applied`` of the newest change of ``name``, by the monotonic clock.

        The agent's log has wall time; the clock must not be set between a change and the question.
        """
        self._read_on()
        return dict(self._stages.get(name, {}))

    def _read_on(self) -> None:
        ahead = time.monotonic() - time.time()
        for line in self._lines():
            if line.get("event") == "running":
                self._generations += 1
                self._note(line, ahead)

    def _lines(self) -> Iterator[dict[str, Any]]:
        if not self._path.exists():
            return
        with self._path.open("rb") as log:
            log.seek(self._read)
            for line in log:
                if not line.endswith(b"\n"):
                    return
                self._read += len(line)
                if line.startswith(b"{"):
                    yield json.loads(line)

    def _note(self, line: dict[str, Any], ahead: float) -> None:
        applied = datetime.fromisoformat(line["timestamp"]).timestamp() + ahead
        found = {"applied": applied}
        if "ms" in line:
            found["snapshot"] = applied - line["ms"] / 1000
        for kind in SEPARATORS:
            for named in str(line.get(kind, "")).split(", "):
                self._stages[_name(named)] = found


def _name(named: str) -> str:
    """Of ``nodes/s1@10.0.0.7:3000`` and of ``nodes/s1: weight 100 -> 50``."""
    _, _, rest = named.partition("/")
    return rest.partition("@")[0].partition(": ")[0]
