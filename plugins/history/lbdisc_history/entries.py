"""Events as entries of the journal: under their names, with their own keys, as ``docs/events.md``.

What is empty is left out. Endpoints are objects, with what differs from the defaults.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from lbdisc.errors import EntryError
from lbdisc.events import Cause, Event, GenerationApplied
from lbdisc.rendered import Rendered
from lbdisc.showing import plain
from lbdisc.values import Endpoint, Problem
from lbdisc_history.lines import Entry

SCHEMA = 1
MOST = 2000  # characters of a text
_READY = "ready"
_WEIGHT = 100
_TIMES = ("unix_s", "monotonic_s")
_APART = (*_TIMES, "cause", "again", "trace", "rendered")


def entry_of(event: Event) -> Entry:
    """What is kept of ``event``; of a generation neither its texts nor all that it serves."""
    entry: Entry = {time: round(getattr(event, time), 3) for time in _TIMES}
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
        case tuple() | list() | frozenset():
            return [_plain(each) for each in value]
        case Rendered():
            return value.digest
    return plain(str(value), MOST)


def object_of(endpoint: Endpoint) -> Entry:
    """``endpoint`` as an object; service and name come first, one behind the other."""
    found: Entry = {
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
        raise EntryError(f"no endpoint of a journal: {plain(str(error))}") from error
