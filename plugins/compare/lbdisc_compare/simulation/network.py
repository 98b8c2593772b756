"""The network between the members of an exact simulation, and who is slow on it.

A slow member is as in the Lifeguard paper's experiments (section V): for a while nothing that it
sends leaves and nothing that comes reaches it, while its clocks go on; then all is let through.
"""

import random as _random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lbdisc_compare.simulation import messages
from lbdisc_compare.simulation.broadcasts import SIZES, Rumour
from lbdisc_compare.simulation.events import EventQueue

LATENCY = 0.0005  # seconds, one way
HEADS = {
    "ping": messages.ping(),
    "ack": messages.ack(),
    "relayed": messages.ack(coordinate=False),
    "indirect": messages.indirect_ping(),
    "nack": messages.nack(),
    "gossip": b"",
}
SINGLE = {kind: messages.packet(head) for kind, head in HEADS.items()}
CARRIED = {kind: size + messages.COMPOUND for kind, size in SIZES.items()}  # not compressed
REFUSED = 2  # packets of a connection that nobody takes: SYN, RST
TCP_PING = 11  # packets of a ping over TCP, its answer and the end
SEGMENT = 65_483


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowness:
    """Blocked for ``blocked`` seconds, then free for ``free``, again and again from ``begin``."""

    begin: float
    blocked: float
    free: float

    def until(self, at: float) -> float:
        """When who is blocked at ``at`` is free again; ``at`` if it is free."""
        if at < self.begin:
            return at
        period = self.blocked + self.free
        phase = (at - self.begin) % period
        return at + self.blocked - phase if phase < self.blocked else at


class Network:
    """Carries packets, counts them by kind, and knows who crashed and who is slow."""

    def __init__(self, events: EventQueue, random: _random.Random) -> None:
        self.events = events
        self.random = random
        self.packets: Counter[str] = Counter()
        self.bytes = 0
        self.crashed: set[int] = set()
        self.slow: dict[int, Slowness] = {}

    @property
    def well(self) -> bool:
        return not self.crashed and not self.slow

    def free_at(self, member: int, at: float) -> float:
        slowness = self.slow.get(member)
        return slowness.until(at) if slowness else at

    def count(self, kind: str, words: list[Rumour]) -> None:
        self.packets[kind] += 1
        self.bytes += SINGLE[kind] + sum(CARRIED[word.kind] for word in words)

    def count_stream(self, kind: str, packets: int, size: int) -> None:
        self.packets[kind] += packets
        self.bytes += size

    def send(
        self,
        kind: str,
        source: int,
        target: int,
        words: list[Rumour],
        call: Callable[..., None],
        *arguments: Any,
    ) -> None:
        """A packet; ``call`` it where it arrives."""
        self.count(kind, words)
        left = self.free_at(source, self.events.now)
        self.events.plan(left + LATENCY, self._arrive, target, call, arguments)

    def _arrive(self, target: int, call: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        if target in self.crashed:
            return
        free = self.free_at(target, self.events.now)
        if free > self.events.now:
            self.events.plan(free, self._arrive, target, call, arguments)
        else:
            call(*arguments)

    def reached(self, source: int, target: int, deadline: float) -> bool:
        """Whether a ping over TCP from ``source`` is answered before ``deadline``."""
        if target in self.crashed:
            self.count_stream("tcp", REFUSED, REFUSED * messages.HANDSHAKE)
            return False
        self.count_stream("tcp", TCP_PING, TCP_PING * messages.TCP + 180)
        there = self.free_at(target, self.free_at(source, self.events.now) + 2 * LATENCY)
        return self.free_at(source, there + LATENCY) < deadline

    def exchange(self, source: int, target: int, members: int) -> bool:
        """Whether the two can give each other their states now."""
        if target in self.crashed or source in self.crashed:
            return False
        now = self.events.now
        if self.free_at(target, now) > now or self.free_at(source, now) > now:
            return False
        size = messages.push_pull_bytes(members, SEGMENT)
        self.count_stream("tcp", messages.push_pull_packets(members, SEGMENT), size)
        return True
