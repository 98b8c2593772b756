"""What a generation that came to life is told as."""

from collections.abc import Iterator

from lbdisc.events import Cause, DrainBegun, DrainOver, Event, GenerationApplied
from lbdisc.generation import Generation
from lbdisc.planned import Applied, Reload, Start
from lbdisc.values import Snapshot


def announced(
    generation: Generation,
    before: Snapshot,
    applied: Applied,
    *,
    ms: float | None = None,
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
