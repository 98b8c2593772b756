"""The servers that a ``server-template`` makes, known by their names (manual 4.2)."""

import re
from collections.abc import Iterator

from lbdisc.haproxy.language.lines import Line

# So many that each may be known by its name.
_SLOTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")


def numbers_of(line: Line) -> range:
    """The numbers behind the prefix: ``3`` is 1 to 3, ``4-6`` is 4 to 6; none for anything else."""
    found = _SLOTS.fullmatch(line.words[2]) if len(line.words) > 3 else None
    if found is None:
        return range(0)
    first, last = int(found[1]), int(found[2] or 0)
    return range(first, last + 1) if found[2] else range(1, first + 1)


def names_of(line: Line) -> Iterator[str]:
    """The names of the servers that the line ``server-template PREFIX NUMBERS ADDRESS`` makes."""
    return (f"{line.words[1]}{number}" for number in numbers_of(line))


def is_known(line: Line) -> bool:
    """Whether the line tells the names: without variables."""
    return not line.raw and "$" not in "".join(line.words[1:3]) and len(numbers_of(line)) > 0
