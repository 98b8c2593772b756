"""The files that HAProxy reads before and after lbdisc's, as one configuration with it. Pure.

HAProxy reads several ``-f`` one after the other, each as if it stood below the one before
(management guide 3): ``defaults`` go on in the next file, and so do all names.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from lbdisc.haproxy.language.model import Configuration
from lbdisc.haproxy.language.text import parse
from lbdisc.rendered import Rendered

_LINE = re.compile(r"\bline (\d+)\b")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A file: ``name`` is what HAProxy calls it, ``here`` how we get at it, ``text`` it holds."""

    name: Path
    here: Path
    text: str


@dataclass(frozen=True)
class Around:
    """The neighbours of lbdisc's file in the order that HAProxy reads them in."""

    before: tuple[Neighbour, ...] = ()
    after: tuple[Neighbour, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.before or self.after)

    @cached_property
    def _texts(self) -> tuple[str, str]:
        before = "".join(map(_ended, self.before))
        return before, "".join(f"\n{neighbour.text}" for neighbour in self.after)

    def whole(self, text: str) -> str:
        """All that HAProxy reads where lbdisc's file holds ``text``."""
        before, after = self._texts
        return f"{before}{text}{after}"

    def parse(self, text: str) -> Configuration:
        """The model of ``whole``."""
        return parse(self.whole(text))

    def digest(self, rendered: Rendered) -> str:
        """That of ``rendered`` and all around it."""
        if not self:
            return rendered.digest
        found = sha256(rendered.digest.encode())
        for side in (self.before, self.after):
            for neighbour in side:
                found.update(f"\0{neighbour.name}\0{len(neighbour.text)}\0".encode())
                found.update(neighbour.text.encode(errors="surrogateescape"))
            found.update(b"\1")
        return found.hexdigest()

    def changed(self, since: "Around") -> str:
        """Which file is another than in ``since``, in a few words; ``""`` if none."""
        old = {each.name: each.text for each in (*since.before, *since.after)}
        new = {each.name: each.text for each in (*self.before, *self.after)}
        for name in (*new, *old):
            if name not in old or name not in new:
                return f"{name} is {'new' if name in new else 'gone'} beside it"
            if old[name] != new[name]:
                return f"{name} changed"
        return "" if self == since else "the order of the files changed"

    def spoken(self, words: str, text: str) -> str:
        """``words`` of a line of ``whole(text)``, by the numbers that lines have in their files."""
        return _LINE.sub(lambda found: self._place(int(found[1]), text), words) if self else words

    def _place(self, number: int, text: str) -> str:
        for neighbour in self.before:
            count = _ended(neighbour).count("\n")
            if number <= count:
                return f"line {number} of {neighbour.name}"
            number -= count
        own = text.count("\n") + 1
        for neighbour in self.after if number > own else ():
            count = neighbour.text.count("\n") + 1
            if number - own <= count:
                return f"line {number - own} of {neighbour.name}"
            own += count
        return f"line {number}"


def _ended(neighbour: Neighbour) -> str:
    text = neighbour.text
    return text if text.endswith("\n") or not text else f"{text}\n"
