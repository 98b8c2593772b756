"""The log: one line for each event, under its name; endless repetitions are told once."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import structlog

from lbdisc.events import Event, GenerationApplied, Trouble
from lbdisc.showing import plain
from lbdisc.values import Endpoint, Problem

log = structlog.get_logger("lbdisc")
NAMED = 10  # endpoints named in one log line; of more, the count tells
MOST = 2000  # characters of their names
_COUNTS = ("more", "passed")
_UNSAID = (
    *("unix_s", "monotonic_s", "again", "times"),
    *("stages", "commands", "rendered", "servers"),
)


class Journal:
    """The listener ``journal``."""

    def hear(self, event: Event) -> None:
        if not (isinstance(event, Trouble) and event.again):
            getattr(log, event.level)(event.name, **dict(line(event)))

    def close(self) -> None:
        """Nothing is held."""


def line(event: Event) -> Iterator[tuple[str, Any]]:
    """The keys and values of ``event`` in the log; what is empty is left out."""
    for field in fields(event):
        value = getattr(event, field.name)
        if field.name in _UNSAID or value is None or value == "" or value == ():
            continue
        if field.name in _COUNTS and not value:
            continue
        if isinstance(value, Endpoint):
            yield from _parts(value)
        elif field.name == "trace":
            yield "exception", value
        elif field.name == "endpoints" and isinstance(event, GenerationApplied):
            yield "endpoints", len(value)
        else:
            yield field.name, _shown(value)
    if isinstance(event, GenerationApplied) and not event.endpoints:
        yield "endpoints", 0


def _parts(endpoint: Endpoint) -> Iterator[tuple[str, Any]]:
    for part in ("service", "name", "address", "port"):
        yield part, getattr(endpoint, part)


def _shown(value: Any) -> Any:
    if isinstance(value, tuple):
        return _listed(value)
    if isinstance(value, float):
        return round(value, 2)
    return value if isinstance(value, int) else str(value)


def _named(part: Any) -> str:
    match part:
        case Problem(where, what):
            return f"{where}: {what}"
        case (Endpoint() as before, Endpoint() as now):
            return f"{now.service}/{now.name}: {', '.join(_differences(before, now))}"
    return str(part)


def _differences(before: Endpoint, now: Endpoint) -> Iterator[str]:
    if before.host_port != now.host_port:
        yield f"{before.host_port} -> {now.host_port}"
    if before.weight != now.weight:
        yield f"weight {before.weight} -> {now.weight}"
    if before.state != now.state:
        yield f"{before.state} -> {now.state}"
    if before.tags != now.tags:
        old, new = dict(before.tags), dict(now.tags)
        names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
        yield f"tags {', '.join(names)}"


def _listed(parts: tuple[Any, ...]) -> str:
    """Those beyond ``NAMED`` are only counted, not looked at: there may be ten thousand."""
    more = f" and {len(parts) - NAMED} more" if len(parts) > NAMED else ""
    return plain(", ".join(map(_named, parts[:NAMED])), MOST) + more
