"""What a member has still to tell, and how often: memberlist's ``TransmitLimitedQueue``."""

from dataclasses import dataclass
from typing import NamedTuple

from lbdisc_compare.simulation import messages


class Rumour(NamedTuple):
    """One message of gossip. ``kind``: alive, suspect, dead, or join (Serf's intent)."""

    kind: str
    node: int
    incarnation: int = 0
    source: int = -1

    @property
    def replaces(self) -> tuple[str, int]:
        """A later word with the same takes its place: memberlist's replace each other."""
        return ("join" if self.kind == "join" else "", self.node)


SIZES = {
    "alive": len(messages.alive()),
    "suspect": len(messages.suspect()),
    "dead": len(messages.dead()),
    "join": len(messages.join_intent()),
}


@dataclass(slots=True)
class _Waiting:
    word: Rumour
    number: int
    sent: int = 0

    @property
    def order(self) -> tuple[int, int, int]:
        return self.sent, -SIZES[self.word.kind], -self.number


class Broadcasts:
    """Words to be sent on up to ``limit`` times each: the least sent first, then the newest."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, int], _Waiting] = {}
        self._number = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def say(self, word: Rumour) -> None:
        self._number += 1
        self._waiting[word.replaces] = _Waiting(word, self._number)

    def take(self, limit: int, room: int) -> list[Rumour]:
        """The words for one packet with ``room`` bytes."""
        taken: list[Rumour] = []
        if not self._waiting:
            return taken
        for waiting in sorted(self._waiting.values(), key=lambda one: one.order):
            need = SIZES[waiting.word.kind] + messages.COMPOUND
            if need > room:
                break
            room -= need
            taken.append(waiting.word)
            waiting.sent += 1
            if waiting.sent >= limit:
                del self._waiting[waiting.word.replaces]
        return taken
