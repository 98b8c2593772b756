"""What a generation that came to life is told as, and what the guard made of the news."""

from collections.abc import Iterator, Mapping
from itertools import groupby

from lbdisc.agent.held import Held
from lbdisc.agent.verdict import IS_BACK, Released, Verdict
from lbdisc.events import (
    Cause,
    DrainBegun,
    DrainOver,
    EndpointsHeld,
    EndpointsReleased,
    Event,
    GenerationApplied,
)
from lbdisc.generation import Generation
from lbdisc.planned import Applied, AtRuntime, Reload, Start
from lbdisc.values import Snapshot


def announced(
    generation: Generation,
    before: Snapshot,
    applied: Applied,
    *,
    ms: float | None = None,
    stages: Mapping[str, float] | None = None,
    cause: Cause,
) -> Iterator[Event]:
    """``generation`` runs instead of ``before``; then what drains in it and what does no more."""
    change, number = generation.change, generation.number
    pairs = tuple((old, now) for now in change.changed if (old := before.get(now.key)))
    yield GenerationApplied(
        generation=number,
        digest=generation.digest,
        files=tuple(name for name, _ in generation.rendered.files),
        how=str(applied.how),
        detail=applied.detail,
        why=applied.how.reason if isinstance(applied.how, Reload | Start) else "",
        came=change.added,
        went=change.removed,
        changed=pairs,
        endpoints=generation.snapshot.endpoints,
        ms=ms,
        stages=stages or {},
        commands=applied.how.commands if isinstance(applied.how, AtRuntime) else (),
        rendered=generation.rendered,
        cause=cause,
    )
    begun = [e for e in change.added if e.draining]
    begun += [now for old, now in pairs if now.draining and not old.draining]
    if begun:
        yield DrainBegun(generation=number, endpoints=tuple(begun), cause=cause)
    over = [e for e in change.removed if e.draining]
    over += [now for old, now in pairs if old.draining and not now.draining]
    if over:
        yield DrainOver(generation=number, endpoints=tuple(over), cause=cause)


def judged(verdict: Verdict, now: float, *, cause: Cause) -> Iterator[Event]:
    """What was just held and let go, one event for all with the same reason. ``now`` is the
    guard's time.
    """
    for _, held in groupby(sorted(verdict.held, key=_reason_held), _reason_held):
        found = tuple(held)
        yield EndpointsHeld(
            endpoints=tuple(each.endpoint for each in found),
            why=found[0].why,
            by=found[0].by,
            for_s=None if found[0].until is None else found[0].until - now,
            since_s=now - found[0].since,
            cause=cause,
        )
    for why, released in groupby(sorted(verdict.released), _reason_released):
        gone = tuple(each.endpoint for each in released)
        returned = why.startswith(IS_BACK)
        yield EndpointsReleased(endpoints=gone, returned=returned, why=why, cause=cause)


def _reason_held(held: Held) -> tuple[str, str, float, float]:
    return held.by, held.why, held.since, held.until or 0.0


def _reason_released(released: Released) -> str:
    return released.why
