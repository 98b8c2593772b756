"""Texts of others in a message: on one line, without signs that a terminal obeys, and short.

Whoever may write one entry of a registry, name a file or answer a request chooses what stands in
the messages about it. Nothing here raises, and nothing takes longer for a larger value: what is cut
off is never looked at.
"""

from collections.abc import Iterable, Mapping
from itertools import islice

MOST = 80  # characters of one value
_DEEP = 3  # containers within each other
_ITEMS = 8  # of a container
_BITS = 256  # of a whole number
_CUT = "..."


def shown(value: object) -> str:
    """``value`` as it may stand in one line of a message: escaped and cut."""
    text = _shown(value, _DEEP)
    return text if len(text) <= MOST else f"{text[: MOST - len(_CUT)]}{_CUT}"


def plain(text: str, most: int = 2 * MOST) -> str:
    """``text`` without quotes around it: as it is if it is short, of one line and ASCII.

    What is not is escaped. Of a longer one the start and the end stay, ``most`` characters in all.
    """
    if len(text) > most:
        end = (most - len(_CUT)) // 3
        start = most - len(_CUT) - end
        return f"{_escaped(text[:start])[:start]}{_CUT}{_escaped(text[-end:])[-end:]}"
    found = _escaped(text)
    return found if len(found) <= most else plain(found, most)


def one_line(text: str, most: int = 2 * MOST) -> str:
    """A text of any number of lines, as ``plain`` has it."""
    return plain(" ".join(text.split()), most)


def raised(error: BaseException) -> str:
    """What a plugin raised, of which kind it is and what it says, on one line and all of it."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def harmless(text: str, most: int = 4000) -> str:
    """``text`` with what no line of a log may hold escaped; letters of all writings stay."""
    cut = text if len(text) <= most else f"{text[: most - len(_CUT)]}{_CUT}"
    if cut.isprintable():
        return cut
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in cut)


def _escaped(text: str) -> str:
    """What is no printable ASCII is escaped: letters that turn the writing or join others too."""
    return text if text.isascii() and text.isprintable() else ascii(text)[1:-1]


def _shown(value: object, deep: int) -> str:
    if isinstance(value, str | bytes | bytearray):
        return ascii(value[: MOST + 1])
    if isinstance(value, bool | float | None):
        return ascii(value)
    if isinstance(value, int):
        bits = value.bit_length()
        return ascii(value) if bits <= _BITS else f"<a number of {bits} bits>"
    try:
        return _inside(value, deep)
    except Exception:  # noqa: BLE001 - a foreign object's own words may do anything
        return f"<{type(value).__name__}>"


def _inside(value: object, deep: int) -> str:
    if not isinstance(value, dict | list | tuple | set | frozenset):
        return ascii(value)
    if not deep and value:
        return _CUT
    start, end = _BRACKETS.get(type(value), ("(", ")"))
    more = [_CUT] if len(value) > _ITEMS else []
    return f"{start}{', '.join([*_items(value, deep - 1), *more])}{end}"


def _items(value: Iterable[object], deep: int) -> list[str]:
    if isinstance(value, Mapping):
        some = islice(value.items(), _ITEMS)
        return [f"{_shown(name, deep)}: {_shown(what, deep)}" for name, what in some]
    return [_shown(each, deep) for each in islice(value, _ITEMS)]


_BRACKETS = {list: ("[", "]"), dict: ("{", "}"), set: ("{", "}"), frozenset: ("{", "}")}
