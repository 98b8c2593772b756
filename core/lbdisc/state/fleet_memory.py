"""What an agent remembers of orders to the fleet: those it gave, and all that it has heard of."""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from lbdisc.fleet_orders import LATEST, PUBLISHED, FleetOrder

REMEMBERED = 512  # orders that were heard
OWN = ""  # the agent of those that were given here
Sign = tuple[str, str]  # agent and id


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenOrder:
    """An order that was given here at ``since_s`` (unix seconds), to be told to others."""

    order: FleetOrder
    since_s: float

    def left(self, now_s: float) -> float | None:
        """Seconds that it still holds, ``None`` for ever."""
        whole = self.order.for_s
        return None if whole is None else whole - (now_s - self.since_s)

    def is_over(self, now_s: float) -> bool:
        """Whether nobody is to be told any more."""
        left = self.left(now_s)
        return now_s - self.since_s >= PUBLISHED or (left is not None and left <= 0)

    def to_object(self) -> dict[str, Any]:
        return {"since_s": self.since_s, **asdict(self.order)}

    @classmethod
    def from_object(cls, found: Mapping[str, Any]) -> Self:
        """Raises ``ValueError``, ``KeyError``, ``TypeError``."""
        parts = dict(found)
        since_s = float(parts.pop("since_s"))
        if not math.isfinite(since_s):
            raise ValueError("a time that is none")
        return cls(order=FleetOrder(**parts), since_s=since_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardOrder:
    """An order of ``agent``, ``OWN`` for one of our own, and the ``answer`` that it was given."""

    agent: str
    id: str
    turn: int
    ask: str
    what: str
    answer: str

    @property
    def sign(self) -> Sign:
        return self.agent, self.id

    @classmethod
    def from_object(cls, found: Mapping[str, Any]) -> Self:
        """Raises ``ValueError``, ``KeyError``, ``TypeError``."""
        turn = int(found["turn"])
        if not 0 <= turn <= LATEST:
            raise ValueError(f"no turn: {turn}")
        texts = {name: str(found[name]) for name in ("agent", "id", "ask", "what", "answer")}
        return cls(turn=turn, **texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetMemory:
    """Both, the oldest first."""

    given: tuple[GivenOrder, ...] = ()
    heard: tuple[HeardOrder, ...] = ()

    def having(self, heard: HeardOrder, visible: Collection[Sign] = ()) -> "FleetMemory":
        """This, and that it was heard; of too many the oldest goes that is not ``visible``."""
        found = [*self.heard, heard]
        if len(found) > REMEMBERED:
            gone = next((old for old in found if old.sign not in visible), found[0])
            found.remove(gone)
        return replace(self, heard=tuple(found))

    def giving(self, given: Iterable[GivenOrder]) -> "FleetMemory":
        return replace(self, given=tuple(given))

    def not_later(self, now_s: float) -> "FleetMemory":
        """The same for who meets it now: nothing was given in the future."""
        return self.giving(replace(g, since_s=min(g.since_s, now_s)) for g in self.given)

    def moved(self, seconds: float) -> "FleetMemory":
        """The same, where the clock was set by so much."""
        return self.giving(replace(g, since_s=g.since_s + seconds) for g in self.given)

    def to_object(self) -> dict[str, Any]:
        return {
            "given": [each.to_object() for each in self.given],
            "heard": [asdict(each) for each in self.heard],
        }

    @classmethod
    def from_object(cls, found: Mapping[str, Any]) -> Self:
        """Raises ``ValueError``, ``KeyError``, ``TypeError``."""
        return cls(
            given=tuple(map(GivenOrder.from_object, found["given"])),
            heard=tuple(map(HeardOrder.from_object, found["heard"])),
        )
