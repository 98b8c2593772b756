"""Events in words, one line each, as an operator reads them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from lbdisc import events
from lbdisc.builtin.journal.journal import line
from lbdisc.showing import harmless
from lbdisc.state.times import ago, stamp
from lbdisc.values import Endpoint

NAMED = 4  # endpoints that one line names
MOST = 500  # characters of one line


def sentence(event: events.Event) -> str:
    """What happened, in one line; of a kind that has no words here, its name and what it holds."""
    made = _WORDS.get(type(event))
    return harmless(made(event) if made else _plain(event), MOST)


def _plain(event: events.Event) -> str:
    pairs = [(key, value) for key, value in line(event) if key not in ("cause", "exception")]
    told = ", ".join(f"{key} {value}" for key, value in pairs)
    return f"{event.name}: {told}" if told else event.name


def names(endpoints: Iterable[Endpoint]) -> str:
    """Who they are; of many the first few, and how many more."""
    found = [f"{one.service}/{one.name}" for one in endpoints]
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return ", ".join(found[:NAMED]) + more


def _applied(event: events.GenerationApplied) -> str:
    parts = [*_moves(event)] or ([event.detail] if event.detail else [])
    took = "" if event.ms is None else f" in {event.ms:.0f} ms"
    how = {"runtime": "at run time", "nothing": "as it was"}.get(event.how, f"by {event.how}")
    why = f" ({event.why})" if event.why else ""
    return f"generation {event.generation} runs, {how}{took}{why}" + "".join(
        f"; {part}" for part in parts
    )


def _moves(event: events.GenerationApplied) -> Iterator[str]:
    if event.came:
        yield f"{names(event.came)} came"
    if event.went:
        yield f"{names(event.went)} went"
    drains = [now for before, now in event.changed if now.draining and not before.draining]
    if drains:
        verb = "drains" if len(drains) == 1 else "drain"
        yield f"{names(drains)} {verb}"
    if others := [now for _, now in event.changed if now not in drains]:
        yield f"{names(others)} changed"


def _failed(event: events.ApplyFailed) -> str:
    return f"generation {event.generation} not applied: {event.kind}: {event.error}"


def _held(event: events.EndpointsHeld) -> str:
    who = "the guard holds" if event.by == "guard" else f"{event.by} holds"
    until = "" if event.for_s is None else f", for {ago(event.for_s)} at most"
    return f"{who} {names(event.endpoints)}{_because(event.why)}{until}"


def _released(event: events.EndpointsReleased) -> str:
    how = "listed again" if event.returned else "let go"
    return f"{names(event.endpoints)} {how}{_because(event.why)}"


def _lost(event: events.RegistryLost) -> str:
    return f"the registry does not answer: {event.error}"


def _back(event: events.RegistryBack) -> str:
    lost = "" if event.ms is None else f" after {ago(event.ms / 1000)}"
    return f"the registry answers{lost}: {event.endpoints} endpoints"


def _skipped(event: events.EntriesSkipped) -> str:
    first = "; ".join(f"{one.where}: {one.what}" for one in event.entries[:2])
    count = len(event.entries) - 2
    return f"skipped: {first}" + (f"; and {count} more" if count > 0 else "")


def _overruled(event: events.EndpointOverruled) -> str:
    how = f"weight {event.weight}" if event.how == "weight" else event.how
    until = _until(event.until_s)
    return f"{event.by} set {event.service}/{event.endpoint} to {how}{until}{_because(event.why)}"


def _ended(event: events.OverrulingEnded) -> str:
    return f"{event.service}/{event.endpoint} follows the registry again{_because(event.why)}"


def _given(event: events.FleetOrderGiven) -> str:
    return f"{event.by} asks the whole fleet: {_asked(event)}{_because(event.why)}"


def _taken(event: events.FleetOrderTaken) -> str:
    return f"{event.by} at {event.agent} asked the whole fleet: {_asked(event)}: {event.did}"


def _refused(event: events.FleetOrderRefused) -> str:
    who = f"{event.by} at {event.agent}"
    return f"refused what {who} asked the whole fleet: {_asked(event)}: {event.error}"


def _asked(
    event: events.FleetOrderGiven | events.FleetOrderTaken | events.FleetOrderRefused,
) -> str:
    return f"{event.ask} {event.what}".strip()


def _paused(event: events.ApplyingPaused) -> str:
    return f"{event.by} paused applying{_until(event.until_s)}{_because(event.why)}"


def _resumed(event: events.ApplyingResumed) -> str:
    return f"{event.by} resumed applying{_because(event.why)}"


def _pinned(event: events.GenerationPinned) -> str:
    return f"{event.by} pinned generation {event.pinned}{_because(event.why)}"


def _acknowledged(event: events.DrainAcknowledged) -> str:
    return f"{names(event.endpoints)} drained: no session is left here"


def _drifted(event: events.Drifted) -> str:
    return f"the load balancer does not run what it should, repairing: {event.found}"


def _started(event: events.ProgramStarted) -> str:
    return f"lbdisc {event.version} started on {event.backend}"


def _because(why: str) -> str:
    return f": {why}" if why else ""


def _until(until_s: float | None) -> str:
    return "" if until_s is None else f" until {stamp(until_s)}"


_WORDS: Mapping[type[events.Event], Callable[[Any], str]] = {
    events.ApplyFailed: _failed,
    events.ApplyingPaused: _paused,
    events.ApplyingResumed: _resumed,
    events.DrainAcknowledged: _acknowledged,
    events.Drifted: _drifted,
    events.EndpointOverruled: _overruled,
    events.EndpointsHeld: _held,
    events.EndpointsReleased: _released,
    events.EntriesSkipped: _skipped,
    events.FleetOrderGiven: _given,
    events.FleetOrderRefused: _refused,
    events.FleetOrderTaken: _taken,
    events.GenerationApplied: _applied,
    events.GenerationPinned: _pinned,
    events.OverrulingEnded: _ended,
    events.ProgramStarted: _started,
    events.RegistryBack: _back,
    events.RegistryLost: _lost,
}
