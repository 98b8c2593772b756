"""What a template's macros gave for an item, so that one change does not redo all."""

from collections.abc import Iterable
from dataclasses import dataclass

from jinja2.runtime import Macro

from lbdisc.sequences import common_ends


@dataclass(slots=True)
class _Known:
    """``texts`` are what the macro gave for ``items``; ``turn`` tells when that was asked last."""

    items: tuple[object, ...]
    texts: list[str]
    turn: int


class Memory:
    """In a template: ``{{ service.endpoints | each(macro) }}``, also ``services | each(macro)``.

    The macro may depend on the item and on the operator's variables, on nothing else.
    """

    def __init__(self) -> None:
        # A sequence is found again by the object at its start or at its end: of most, only one
        # item changes at a time. Kept here, no object can give its id to another.
        self._known: dict[tuple[str, int], _Known] = {}
        self._turn = 0
        self._asked = 0  # sequences in this turn
        self._items = 0  # of all that is known

    def each(self, items: Iterable[object], macro: Macro) -> str:
        """The texts of ``macro(item)``, joined."""
        now = tuple(items)
        if not now:
            return ""
        self._asked += 1
        keys = (macro.name, id(now[0])), (macro.name, id(now[-1]))
        before = self._known.get(keys[0]) or self._known.get(keys[1]) or _Known((), [], 0)
        texts = _texts(before, now, macro)
        known = _Known(now, texts, self._turn)
        for key in (_key(macro, before.items[:1]), _key(macro, before.items[-1:])):
            if self._known.get(key) is before:
                del self._known[key]
        self._known.update(dict.fromkeys(keys, known))
        self._items += len(now) - len(before.items)
        return "".join(texts)

    def turn(self, size: int) -> None:
        """A new text begins, of about ``size`` items: forget what was not asked for long since."""
        self._turn += 1
        if self._items > 8 * size + 10_000 or len(self._known) > 8 * self._asked + 100:
            last = self._turn - 1
            self._known = {key: known for key, known in self._known.items() if known.turn == last}
            kept = {id(known): len(known.items) for known in self._known.values()}
            self._items = sum(kept.values())
        self._asked = 0


def _key(macro: Macro, items: tuple[object, ...]) -> tuple[str, int]:
    return macro.name, id(items[0]) if items else 0


def _texts(before: _Known, now: tuple[object, ...], macro: Macro) -> list[str]:
    start, end = common_ends(before.items, now)
    old_end, new_end = len(before.items) - end, len(now) - end
    old = zip(before.items[start:old_end], before.texts[start:old_end], strict=True)
    known = {id(item): text for item, text in old}
    middle = [known.get(id(item)) or macro(item) for item in now[start:new_end]]
    return [*before.texts[:start], *middle, *before.texts[old_end:]]
