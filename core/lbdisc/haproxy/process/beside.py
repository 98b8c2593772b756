"""The neighbours of lbdisc's file on disk, as they were read, for a check of all together."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lbdisc import atomic
from lbdisc.haproxy.around import Around, Neighbour

Names = Sequence[tuple[str, str]]  # what a path is to be called in what HAProxy says


@contextmanager
def laid_out(around: Around, path: Path) -> Iterator[tuple[Sequence[Path], Names]]:
    """Where all files are in HAProxy's order, with ``path`` among them, and their names.

    One that holds something else by now is there as a copy.
    """
    names: list[tuple[str, str]] = []
    with ExitStack() as stack:

        def place(neighbour: Neighbour) -> Path:
            found = neighbour.here
            if (_text(found) or "") != neighbour.text:
                made = tempfile.TemporaryDirectory(prefix="lbdisc-")
                found = Path(stack.enter_context(made)) / neighbour.name.name
                found.write_bytes(atomic.encoded(neighbour.text))
            if found != neighbour.name:
                names.append((str(found), str(neighbour.name)))
            return found

        before, after = map(place, around.before), map(place, around.after)
        yield (*before, path, *after), names


def _text(path: Path) -> str | None:
    try:
        return atomic.held(path)
    except OSError:
        return None
