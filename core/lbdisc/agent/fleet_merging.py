"""Which orders of a fleet are news here, in which order they count, and which come too late.

Pure. Agents that hear the same orders end up with the same, whatever they hear first: of two about
the same the higher turn counts.
"""

from collections.abc import Iterable, Iterator

from lbdisc.fleet_orders import DONE, LATEST, FleetOrder, FleetWord, covers
from lbdisc.state.fleet_memory import OWN, FleetMemory, Sign

MOST = 256  # orders of all agents that are looked at


def shown_orders(words: Iterable[FleetWord]) -> Iterator[tuple[FleetWord, FleetOrder]]:
    """All that agents publish now, as far as they are looked at."""
    left = MOST
    for word in words:
        for order in word.orders[:left]:
            yield word, order
        left = max(0, left - len(word.orders))


def strange_ones(words: Iterable[FleetWord]) -> Iterator[Sign]:
    """The same of those that this version does not understand."""
    found = ((word.agent.name, id) for word in words for id in word.strange)
    return (sign for sign, _ in zip(found, range(MOST), strict=False))


def visible(words: Iterable[FleetWord]) -> frozenset[Sign]:
    """The signs of all that is published now."""
    known = tuple(words)
    its = {(word.agent.name, order.id) for word, order in shown_orders(known)}
    return frozenset(its.union(strange_ones(known)))


def unheard(
    words: Iterable[FleetWord], memory: FleetMemory
) -> tuple[tuple[FleetWord, FleetOrder], ...]:
    """Orders that were never heard, in their turns. An own entry has only known ones."""
    signs = {heard.sign for heard in memory.heard}
    own = {id for agent, id in signs if agent == OWN}
    new = {
        (word.agent.name, order.id): (word, order)
        for word, order in shown_orders(words)
        if (word.agent.name, order.id) not in signs and order.id not in own
    }
    return tuple(sorted(new.values(), key=_turn))


def _turn(found: tuple[FleetWord, FleetOrder]) -> tuple[int, str, str]:
    word, order = found
    return order.turn, word.agent.name, order.id


def overtaken(order: FleetOrder, memory: FleetMemory) -> bool:
    """Whether a later one has been carried out that leaves nothing of it."""
    return any(
        old.turn > order.turn and old.answer in DONE and covers(old, order) for old in memory.heard
    )


def spared(order: FleetOrder, memory: FleetMemory) -> frozenset[tuple[str, str]]:
    """The endpoints of which later ones say something else than an undoing of all."""
    if order.ask != "undo" or order.what:
        return frozenset()
    later = (old for old in memory.heard if old.turn > order.turn and old.answer in DONE)
    keys = (old.what.partition("/") for old in later)
    return frozenset((service, name) for service, slash, name in keys if slash)


def next_turn(words: Iterable[FleetWord], memory: FleetMemory) -> int:
    """That of an order that is given now: it counts before all that is known here."""
    turns = [order.turn for _, order in shown_orders(words)]
    turns += [old.turn for old in memory.heard]
    return min(LATEST, max(turns, default=0) + 1)
