"""What operators ordered, as events: when it is ordered, and again after a start of the agent."""

from lbdisc import events
from lbdisc.state.overruling import Override, Term
from lbdisc.state.steered import Pin


def paused(term: Term, since_s: float | None = None) -> events.ApplyingPaused:
    return events.ApplyingPaused(by=term.by, why=term.why, until_s=term.until_s, since_s=since_s)


def pinned(pin: Pin, since_s: float | None = None) -> events.GenerationPinned:
    term = pin.term
    return events.GenerationPinned(
        pinned=pin.generation, digest=pin.digest, by=term.by, why=term.why, since_s=since_s
    )


def overruled(override: Override, since_s: float | None = None) -> events.EndpointOverruled:
    term = override.term
    return events.EndpointOverruled(
        service=override.service,
        endpoint=override.name,
        how=override.how,
        weight=override.weight,
        by=term.by,
        why=term.why,
        until_s=term.until_s,
        since_s=since_s,
    )


def ended(override: Override, by: str, why: str) -> events.OverrulingEnded:
    return events.OverrulingEnded(
        service=override.service, endpoint=override.name, how=override.how, by=by, why=why
    )
