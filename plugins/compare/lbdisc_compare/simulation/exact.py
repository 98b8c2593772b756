"""Gossip event by event, for up to about a thousand members: exact, and what arrays are held to."""

import random as _random
from collections.abc import Callable
from dataclasses import dataclass

from lbdisc_compare.simulation.broadcasts import Rumour
from lbdisc_compare.simulation.events import EventQueue
from lbdisc_compare.simulation.network import Network, Slowness
from lbdisc_compare.simulation.profiles import GossipProfile
from lbdisc_compare.simulation.swim import SwimMember

LONGEST = 3600.0  # seconds of the model after which somebody will never know
STEP = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """``who`` says at ``at`` that ``whom`` has joined or failed."""

    at: float
    who: int
    whom: int
    what: str


class SwimCluster:
    """``members`` that know each other, whose clocks run from 0 on."""

    def __init__(self, members: int, profile: GossipProfile, seed: int) -> None:
        self.profile = profile
        self.events = EventQueue()
        self.network = Network(self.events, _random.Random(seed))
        self.said: list[Saying] = []
        self.members: list[SwimMember] = []
        for _ in range(members):
            self._add().begin()

    def _add(self) -> SwimMember:
        member = SwimMember(len(self.members), self.members, self.profile, self.network, self._told)
        self.members.append(member)
        return member

    def _told(self, at: float, who: int, whom: int, what: str) -> None:
        self.said.append(Saying(at=at, who=who, whom=whom, what=what))

    @property
    def packets(self) -> int:
        return self.network.packets.total()

    def run(self, seconds: float) -> None:
        self.events.run(self.events.now + seconds)

    def kill(self, member: int) -> list[float]:
        """Kill it; returns when, after that, each other one held it dead, sorted."""
        since = self.events.now
        self.network.crashed.add(member)
        others = len(self.members) - len(self.network.crashed)
        return self._until(member, "failed", others, since)

    def join(self, contact: int = 0) -> tuple[int, list[float]]:
        """A new member by ``contact``: its number, and when each other one knew it."""
        since = self.events.now
        known = set(range(len(self.members)))
        for member in self.members:
            member.knows = set(known) if member.knows is None else member.knows
        new = self._add()
        new.knows = {new.number}
        new.begin()
        new.exchange(self.members[contact])
        new.hear(Rumour("join", new.number))
        return new.number, self._until(new.number, "join", len(known), since)

    def slow(self, members: int, blocked: float, free: float) -> None:
        """The last ``members`` are slow from now on, each with a phase of its own."""
        now, draw = self.events.now, self.network.random
        for member in range(len(self.members) - members, len(self.members)):
            begin = now + draw.uniform(0, blocked + free)
            self.network.slow[member] = Slowness(begin=begin, blocked=blocked, free=free)

    def _until(self, whom: int, what: str, count: int, since: float) -> list[float]:
        at = self._times(whom, what, since)
        while len(at) < count and self.events.now < since + LONGEST:
            self.run(STEP)
            at = self._times(whom, what, since)
        return sorted(at.values())

    def _times(self, whom: int, what: str, since: float) -> dict[int, float]:
        said: dict[int, float] = {}
        for one in self.said:
            if one.whom == whom and one.what == what and one.at >= since and one.who != whom:
                said.setdefault(one.who, one.at - since)
        return said

    def wrongly(self, heard_by: Callable[[int], bool]) -> set[int]:
        """Members that are well and were held dead by one of ``heard_by``."""
        ill = self.network.crashed | self.network.slow.keys()
        return {
            one.whom
            for one in self.said
            if one.what == "failed" and one.whom not in ill and heard_by(one.who)
        }
