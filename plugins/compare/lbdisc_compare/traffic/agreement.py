"""How far what balancers believe is from what is true, and from each other, in seconds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lbdisc_compare.traffic.views import Sight


@dataclass(frozen=True, slots=True)
class Fact:
    """From ``at`` on these nodes are there and should get traffic, until the next ``Fact``.

    With ``seat`` it is so for that balancer alone, which may be cut off from some.
    """

    at: float
    nodes: frozenset[str]
    seat: str = ""


@dataclass(frozen=True, slots=True)
class ViewSpan:
    """A time in which nothing changed: who is up in the eyes of each seat, and who should be."""

    began: float
    ended: float
    up: Mapping[str, frozenset[str]]
    listed: Mapping[str, frozenset[str]]
    right: Mapping[str, frozenset[str]]

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    @property
    def agreed(self) -> bool:
        """Whether all seats send to the same nodes."""
        return len(set(self.up.values())) <= 1

    @property
    def correct(self) -> bool:
        """Whether every seat sends to exactly those that it should."""
        return all(self.right[seat] == up for seat, up in self.up.items())


def spans(
    sights: Sequence[Sight], facts: Sequence[Fact], began: float, ended: float
) -> Iterator[ViewSpan]:
    """The time from ``began`` to ``ended``, cut wherever a sight or a fact changes."""
    moments = {began, ended}
    changes = (*(sight.at for sight in sights), *(fact.at for fact in facts))
    moments.update(at for at in changes if began < at < ended)
    ordered = sorted(moments)
    seats = sorted({sight.seat for sight in sights})
    for start, end in pairwise(ordered):
        seen = {sight.seat: sight for sight in sights if sight.at <= start}
        yield ViewSpan(
            began=start,
            ended=end,
            up={seat: sight.up for seat, sight in seen.items()},
            listed={seat: sight.listed for seat, sight in seen.items()},
            right={seat: _right(facts, seat, start) for seat in seats},
        )


def _right(facts: Sequence[Fact], seat: str, at: float) -> frozenset[str]:
    fitting = [fact for fact in facts if fact.at <= at and fact.seat in ("", seat)]
    return max(fitting, key=lambda fact: (fact.at, fact.seat)).nodes if fitting else frozenset()


def stale(spans: Sequence[ViewSpan], seat: str) -> float:
    """Seconds × nodes in which ``seat`` sent to nodes that were gone."""
    return sum(
        span.seconds * len(span.up[seat] - span.right[seat]) for span in spans if seat in span.up
    )


def missing(spans: Sequence[ViewSpan], seat: str) -> float:
    """Seconds × nodes in which ``seat`` did not send to nodes that were there."""
    return sum(
        span.seconds * len(span.right[seat] - span.up[seat]) for span in spans if seat in span.up
    )


def disagreeing(spans: Sequence[ViewSpan]) -> float:
    """Seconds in which two seats would not have sent to the same nodes."""
    return sum(span.seconds for span in spans if not span.agreed)


def agreed_after(spans: Sequence[ViewSpan], since: float) -> float | None:
    """Seconds from ``since`` until every seat sent to exactly those that it should, for good.

    ``None`` where that was not so at the end.
    """
    if not spans or not spans[-1].correct:
        return None
    wrong = [span.ended for span in spans if span.ended > since and not span.correct]
    return max(0.0, max(wrong, default=since) - since)


@dataclass(frozen=True, slots=True)
class Removals:
    """Healthy nodes that balancers were without.

    ``unlisted`` are the names of those that were off a balancer's list, ``idle`` of those that got
    no traffic from one, listed or not; ``seconds`` are seconds × nodes × balancers of these;
    ``seats`` are the balancers that were without one.
    """

    unlisted: frozenset[str]
    idle: frozenset[str]
    seconds: float
    seats: frozenset[str]


def removals(spans: Sequence[ViewSpan]) -> Removals:
    """All of the nodes that should have got traffic in ``spans`` and did not."""
    unlisted: set[str] = set()
    idle: set[str] = set()
    seats: set[str] = set()
    seconds = 0.0
    for span in spans:
        for seat, up in span.up.items():
            without = span.right[seat] - up
            unlisted |= span.right[seat] - span.listed[seat]
            idle |= without
            seconds += span.seconds * len(without)
            if without:
                seats.add(seat)
    return Removals(frozenset(unlisted), frozenset(idle), seconds, frozenset(seats))
