"""Events as objects, ready for JSON: under their names, with their own keys, as ``docs/events.md``.

What is empty is left out. Endpoints are objects, with what differs from the defaults.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from lbdisc.errors import EntryError
from lbdisc.events import Cause, Event, GenerationApplied
from lbdisc.leases import Lease
from lbdisc.rendered import Rendered
from lbdisc.showing import plain
from lbdisc.values import Endpoint, Problem

EventEntry = dict[str, Any]
MOST = 2000  # characters of a text
_READY = "ready"
_WEIGHT = 100
_TIMES = ("unix_s", "monotonic_s")
_APART = (*_TIMES, "cause", "again", "trace", "rendered")


def entry_of(event: Event) -> EventEntry:
    """What is kept of ``event``; of a generation neither its texts nor all that it serves."""
    entry: EventEntry = {time: round(getattr(event, time), 3) for time in _TIMES}
    entry["event"] = event.name
    for field in fields(event):
        value = getattr(event, field.name)
        if field.name in _APART or value is None or value in ("", (), {}):
            continue
        if field.name == "endpoints" and isinstance(event, GenerationApplied):
            continue
        entry[field.name] = _plain(value)
    if event.cause is not None:
        entry["cause"] = _plain(event.cause)
    return entry


def _plain(value: Any) -> Any:
    match value:
        case bool() | int():
            return value
        case float():
            return round(value, 3)
        case str():
            return value if len(value) <= MOST else plain(value, MOST)
        case Endpoint():
            return object_of(value)
        case Problem(where, what):
            return {"where": where, "what": what}
        case Mapping():
            return {str(key): _plain(each) for key, each in value.items()}
        case Cause(source=source, revision=revision):
            return {"source": source, "revision": revision} if revision else {"source": source}
        case Lease():
            return _lease(value)
        case tuple() | list() | frozenset():
            return [_plain(each) for each in value]
        case Rendered():
            return value.digest
    return plain(str(value), MOST)


def _lease(lease: Lease) -> EventEntry:
    parts = ("service", "name", "by", "ttl_s", "renewed_s", "end")
    found = {part: getattr(lease, part) for part in parts}
    return {part: _plain(value) for part, value in found.items() if value not in (None, "")}


def object_of(endpoint: Endpoint) -> EventEntry:
    """``endpoint`` as an object; service and name come first, one behind the other."""
    found: EventEntry = {
        "service": endpoint.service,
        "name": endpoint.name,
        "address": endpoint.address,
        "port": endpoint.port,
    }
    if endpoint.weight != _WEIGHT:
        found["weight"] = endpoint.weight
    if endpoint.state != _READY:
        found["state"] = endpoint.state
    if endpoint.tags:
        found["tags"] = dict(endpoint.tags)
    return found


def endpoint_of(found: Mapping[str, Any]) -> Endpoint:
    """The endpoint of such an object. Raises ``EntryError`` where it is none."""
    try:
        return Endpoint(**found)
    except TypeError as error:
        raise EntryError(f"no endpoint's object: {plain(str(error))}") from error
