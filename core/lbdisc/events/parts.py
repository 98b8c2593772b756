"""Parts of an event's object (``entries``) as words: endpoints, causes, differences."""

from collections.abc import Mapping, Sequence
from typing import Any

from lbdisc.events.entries import EventEntry

NAMED = 10  # endpoints that a line names; of more it tells the count
Key = tuple[str, str]


def key_of(endpoint: Mapping[str, Any]) -> Key:
    return str(endpoint["service"]), str(endpoint["name"])


def listed(entry: EventEntry, key: str) -> list[Any]:
    """The list under ``key``; an empty one where there is none, or only its length was kept."""
    found = entry.get(key, ())
    return list(found) if isinstance(found, list | tuple) else []


def count(entry: EventEntry, key: str) -> int:
    found = entry.get(key, 0)
    return found if isinstance(found, int) else len(found)


def names(endpoints: Sequence[Mapping[str, Any]]) -> str:
    """``nodes/web-3, nodes/web-4 and 10 more``."""
    return some(["/".join(key_of(e)) for e in endpoints])


def some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - NAMED} more" if len(texts) > NAMED else ""
    return ", ".join(texts[:NAMED]) + more


def cause(entry: EventEntry) -> str:
    """``etcd 8123``; empty where nothing is known to have led to it."""
    found = entry.get("cause") or {}
    return f"{found.get('source', '')} {found.get('revision', '')}".strip()


def difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """``weight 100 -> 5, ready -> draining``."""
    found = []
    places = [f"{e['address']}:{e['port']}" for e in (before, now)]
    weights = [e.get("weight", 100) for e in (before, now)]
    states = [e.get("state", "ready") for e in (before, now)]
    for what, (old, new) in (("", places), ("weight ", weights), ("", states)):
        if old != new:
            found.append(f"{what}{old} -> {new}")
    if before.get("tags") != now.get("tags"):
        found.append("other tags")
    return ", ".join(found)
