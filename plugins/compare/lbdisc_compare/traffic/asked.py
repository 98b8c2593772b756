"""What became of each request of a load, and how many were lost."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

KINDS = ("new", "kept", "long", "post")
BIN = 0.1  # seconds: losses that are that near are told together
UNSENT = "not sent"  # too many were open, or the load was behind


@dataclass(frozen=True, slots=True)
class SentRequest:
    """A request. ``at`` is when it was sent, in seconds of the monotonic clock.

    ``why`` is empty where it got a whole answer of 2xx. ``late`` is by how many seconds the load
    itself was behind its schedule: a machine that is too busy shows there.
    """

    at: float
    kind: str
    seat: str
    node: str
    why: str
    took: float
    late: float

    @property
    def lost(self) -> bool:
        return bool(self.why) and self.why != UNSENT

    @property
    def ended(self) -> float:
        return self.at + self.took


@dataclass(frozen=True, slots=True)
class Burst:
    """Lost requests of one seat that ended in the same tenth of a second; ``at`` the first did."""

    at: float
    seat: str
    count: int
    words: str


def read(file: Path) -> list[SentRequest]:
    """What the load wrote, in the order in which the requests ended."""
    with file.open(encoding="utf-8") as lines:
        return [SentRequest(*json.loads(line)) for line in lines if line.endswith("\n")]


def during(requests: Iterable[SentRequest], began: float, ended: float) -> list[SentRequest]:
    """Those that were open, or sent, in that time, and sent before its end."""
    return [one for one in requests if one.at < ended and one.ended >= began]


def losses(requests: Iterable[SentRequest]) -> dict[str, tuple[int, int]]:
    """Lost and sent by kind."""
    sent: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    for one in requests:
        if one.why == UNSENT:
            continue
        sent[one.kind] += 1
        lost[one.kind] += one.lost
    return {kind: (lost[kind], sent[kind]) for kind in KINDS if sent[kind]}


def bursts(requests: Iterable[SentRequest]) -> list[Burst]:
    """The lost ones, a tenth of a second of each seat in one, in their order."""
    bins: dict[tuple[int, str], list[SentRequest]] = {}
    for one in requests:
        if one.lost:
            bins.setdefault((int(one.ended / BIN), one.seat), []).append(one)
    return [
        Burst(min(one.ended for one in found), seat, len(found), _words(found))
        for (_, seat), found in sorted(bins.items())
    ]


def _words(lost: Iterable[SentRequest]) -> str:
    found = Counter(f"{one.kind}: {one.why}" for one in lost)
    return ", ".join(f"{count} {why}" for why, count in found.most_common())


def lateness(requests: Sequence[SentRequest]) -> float:
    """By how much the load itself was late at most, in seconds."""
    return max((one.late for one in requests), default=0.0)


def unsent(requests: Iterable[SentRequest]) -> int:
    """How many were left out because too many were open, or the load itself was behind."""
    return sum(one.why == UNSENT for one in requests)
