"""What a refusal says: the line it speaks of, the endpoints it names, and the text it is about."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lbdisc import atomic
from lbdisc.agent.blame import Suspect
from lbdisc.errors import CheckError, RenderError
from lbdisc.rendered import Rendered

# FILE:LINE, as HAProxy and nginx write it: "[/etc/haproxy.cfg:28]", "in /etc/nginx.conf:12".
_PLACE = re.compile(r"([^\s\[\]()'\",]+):(\d+)")
_WORD = re.compile(r"[A-Za-z0-9_.:\[\]-]+")
_OF_A_PROXY = re.compile(r"([A-Za-z0-9_.:-]+)/([A-Za-z0-9_.-]+)")
_SECRET = re.compile(r"password|secret|token|[-_]key\b|\bauth\b", re.IGNORECASE)
_QUOTED = 160  # characters of a line that are quoted


@dataclass(frozen=True)
class Refusal:
    """``error`` was raised for ``rendered``, to be ``config``; ``None`` if no text was made."""

    error: CheckError | RenderError
    config: Path
    rendered: Rendered | None = None
    _lines: dict[str, list[str]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def words(self) -> str:
        """Why, in one line, with the line of the text that it is about."""
        return self._with_quote(str(self.error), next(self._quotes(str(self.error)), ""))

    @property
    def passing(self) -> bool:
        """Whether it may be over at any moment."""
        return isinstance(self.error, CheckError) and self.error.passing

    def naming(self, suspects: Sequence[Suspect]) -> Mapping[Suspect, str]:
        """Those that its words or the lines that these point to name, each with those words."""
        index = _Index(suspects)
        found: dict[Suspect, str] = {}
        said = getattr(self.error, "said", "") or str(self.error)
        for words in said.split("\n"):
            quote = next(self._quotes(words), "")
            for suspect in index.named(words, quote):
                found.setdefault(suspect, self._with_quote(words.strip(), quote))
        return found

    def keep(self) -> Path | None:
        """The refused text, kept for whoever looks into it; ``None`` where that cannot be."""
        if self.rendered is None:
            return None
        kept = kept_at(self.config)
        with suppress(OSError):
            atomic.write(kept, self.rendered.text, mode=0o600)
            return kept
        return None

    def _with_quote(self, words: str, quote: str) -> str:
        if not quote or _SECRET.search(quote):
            return words
        more = "..." if len(quote) > _QUOTED else ""
        return f"{words} | {quote[:_QUOTED]}{more}"

    def _quotes(self, words: str) -> Iterator[str]:
        for path, number in _PLACE.findall(words):
            lines = self._text_at(path)
            if 0 < int(number) <= len(lines):
                yield lines[int(number) - 1].strip()

    def _text_at(self, path: str) -> list[str]:
        """The lines of the file that is called ``path`` in the words."""
        if path not in self._lines:
            self._lines[path] = self._find(path).split("\n")
        return self._lines[path]

    def _find(self, path: str) -> str:
        if self.rendered is None:
            return ""
        if Path(path).name == self.config.name:
            return self.rendered.text
        there = {str(self.config.parent / name): text for name, text in self.rendered.files}
        return there.get(path, "")


def kept_at(config: Path) -> Path:
    """Where the refused text of ``config`` is kept."""
    return config.with_name(f"{config.name}.refused")


class _Index:
    """Finds suspects by the words that stand for them in a configuration."""

    def __init__(self, suspects: Sequence[Suspect]) -> None:
        self._by_name: dict[str, list[Suspect]] = defaultdict(list)
        self._by_place: dict[str, list[Suspect]] = defaultdict(list)
        for suspect in suspects:
            endpoint = suspect.endpoint
            self._by_name[endpoint.name].append(suspect)
            for place in {endpoint.host_port, endpoint.address}:
                self._by_place[place].append(suspect)

    def named(self, words: str, quote: str) -> list[Suspect]:
        """Those for which most speaks, if anything does."""
        score: dict[Suspect, int] = defaultdict(int)
        for word in set(_WORD.findall(quote)):
            for suspect in (*self._by_name.get(word, ()), *self._by_place.get(word, ())):
                score[suspect] += 2
        for proxy, name in set(_OF_A_PROXY.findall(words)):
            for suspect in self._by_name.get(name, ()):
                score[suspect] += 3 if proxy == suspect.endpoint.service else 2
        most = max(score.values(), default=0)
        return [suspect for suspect, count in score.items() if count == most]
