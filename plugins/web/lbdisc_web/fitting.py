"""A picture in parts, and as much of each as a low terminal has lines for."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

_Lines = list[list[Segment]]


@dataclass(frozen=True, slots=True)
class PicturePart:
    """Of ``body`` at least ``least`` lines are shown, if there is room; ``first`` has the rest."""

    body: RenderableType
    least: int
    first: bool = False


def whole(parts: Sequence[PicturePart]) -> RenderableType:
    """All of them, as tall as they are."""
    found: list[RenderableType] = []
    for part in parts:
        found += [Text(), part.body] if found else [part.body]
    return Group(*found)


class FittedPicture:
    """``parts`` in the lines that the terminal has, the last of which is ``foot``.

    Each has its least; what is left goes to those that are to have it first, and then from top to
    bottom. A part that is cut ends with how much more there is.
    """

    def __init__(self, parts: Sequence[PicturePart], foot: str = "") -> None:
        self._parts = parts
        self._foot = foot

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        free = options.update(height=None)
        all_lines = [console.render_lines(part.body, free, pad=False) for part in self._parts]
        room = console.size.height - 1  # and the foot
        shown, cut = _shared(all_lines, self._parts, room)
        for line in shown[:room]:
            yield from line
            yield Segment.line()
        hint = "not all fits: lbdisc top | less"
        words = [*([self._foot] if self._foot else []), *([hint] if cut else [])]
        yield Text(" · ".join(words), style="dim", no_wrap=True, overflow="ellipsis")


def _shared(
    found: Sequence[_Lines], parts: Sequence[PicturePart], room: int
) -> tuple[_Lines, bool]:
    """The lines that are shown, and whether any are not."""
    given = [min(len(lines), part.least) for lines, part in zip(found, parts, strict=True)]
    apart = int(sum(given) + len(parts) - 1 <= room)  # whether there is room between them
    left = room - sum(given) - apart * (len(parts) - 1)
    for index in sorted(range(len(parts)), key=lambda index: not parts[index].first):
        more = max(0, min(len(found[index]) - given[index], left))
        given[index] += more
        left -= more
    shown: _Lines = []
    for lines, few in zip(found, given, strict=True):
        shown += [[]] * (apart if shown else 0) + _cut(lines, few)
    return shown, any(len(lines) > few for lines, few in zip(found, given, strict=True))


def _cut(lines: _Lines, most: int) -> _Lines:
    if len(lines) <= most or most < 2:
        return lines[:most]
    more = len(lines) - most + 1
    return [*lines[: most - 1], [Segment(f"… {more} more lines", Style(dim=True))]]
