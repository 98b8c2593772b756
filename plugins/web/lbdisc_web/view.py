"""The page as one value: all that it shows, ready for JSON, from what was seen and told.

Pure. Whatever others wrote, in a registry or in an answer to a check, is on one line here and
holds no sign that turns the writing; times are unix seconds (``…_s``), ``None`` where not known.
"""

import calendar
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from lbdisc.events import FleetAgent
from lbdisc.showing import harmless
from lbdisc.values import Endpoint
from lbdisc_web.reading import AgentSaid
from lbdisc_web.seen import Key, PageSeen, ServerOpinion

SCHEMA = 1
MOST = 300  # characters of a text of others
Document = dict[str, Any]


def document(told: AgentSaid, seen: PageSeen, *, now_s: float, acts: bool = False) -> Document:
    """All of it; ``acts``: whether somebody may act on the page."""
    status = told.status
    rows = {f"{e.service}/{e.name}": row for e, row in _rows(status, seen)}
    return {
        "schema": SCHEMA,
        "now_s": round(now_s, 3),
        "actions": acts,
        "verdict": _verdict(told),
        "agent": _agent(told),
        "stages": _stages(status),
        "registry": _registry(status, seen),
        "operator": _operator(status),
        "services": _services(rows.values()),
        "endpoints": rows,
        "held": [_tame(one) for one in status.get("held") or ()],
        "held_more": status.get("held_more", 0),
        "skipped": [_tame(one) for one in status.get("problems") or ()],
        "skipped_more": status.get("problems_more", 0),
        "flapping": [_tame(one) for one in status.get("flapping") or ()],
        "drains": _drains(rows, seen.fleet),
        "events": [
            {"at_s": round(a.at_s, 3), "level": a.level, "text": a.text, "cause": a.cause}
            for a in seen.acts
        ],
        "fleet": [_other(agent, status.get("announced")) for agent in seen.fleet],
    }


def _verdict(told: AgentSaid) -> dict[str, Any]:
    judged = told.judgement
    return {
        "word": judged.word,
        "summary": harmless(judged.summary, 2 * MOST),
        "reasons": [
            {"check": r.check, "text": harmless(r.text, 2 * MOST), "counts": r in judged.counted}
            for r in judged.reasons
        ],
    }


def _agent(told: AgentSaid) -> dict[str, Any]:
    status = told.status
    return {
        "word": told.live.word,
        "name": _text(status.get("announced")),
        "version": _text(status.get("version")),
        "pid": status.get("pid"),
        "started_s": seconds(status.get("started")),
        "output": _text(status.get("output")),
        "old_workers": status.get("old_workers"),
    }


def _stages(status: Mapping[str, Any]) -> dict[str, Any]:
    """Desired, written, running: by number, and since when."""
    runs, failure = status.get("generation"), status.get("failure")
    return {
        "in_step": bool(status.get("in_step")),
        "since_s": _at(status.get("in_step_since")),
        "desired": _tame(status.get("desired") or {}),
        "written": _stage(status.get("written"), ("number", "digest")),
        "running": _stage(runs, ("number", "digest", "how", "ms", "cause")),
        "failure": _stage(failure, ("kind", "error", "times")),
    }


def _stage(found: Mapping[str, Any] | None, parts: Sequence[str]) -> dict[str, Any] | None:
    if not found:
        return None
    return {"at_s": _at(found), **{part: _text(found.get(part)) for part in parts}}


def _registry(status: Mapping[str, Any], seen: PageSeen) -> dict[str, Any]:
    return {
        "backend": _text(status.get("backend")),
        "state": _text(status.get("registry")),
        "since_s": _at(status.get("registry_since")),
        "error": _text(status.get("registry_error")),
        "failures": status.get("registry_failing", 0),
        "entries": seen.total,
    }


def _operator(status: Mapping[str, Any]) -> dict[str, Any]:
    paused = status.get("paused")
    waits = (paused.get("waits") or {}) if paused else {}
    return {
        "paused": paused and {**_tame({**paused, "waits": None}), "waits": waits.get("count", 0)},
        "pinned": _tame(status.get("pinned")),
        "overruled": [_tame(one) for one in status.get("overruled") or ()],
    }


def _rows(status: Mapping[str, Any], seen: PageSeen) -> Iterator[tuple[Endpoint, dict[str, Any]]]:
    """Of each endpoint that runs: what is to be known of it."""
    held = {(one["service"], one["name"]) for one in status.get("held") or ()}
    overruled = {(o["service"], o["name"]): o for o in status.get("overruled") or ()}
    for endpoint in seen.endpoints or ():
        opinion = seen.opinions.get(endpoint.key)
        row = _row(endpoint, opinion if _still(opinion, endpoint) else None)
        if endpoint.key in held:
            row["held"] = True
        if endpoint.key in overruled:
            row["overruled"] = _text(overruled[endpoint.key].get("how"))
        yield endpoint, row


def _still(opinion: ServerOpinion | None, endpoint: Endpoint) -> bool:
    """Whether it is of the very server that the endpoint has now."""
    return opinion is not None and opinion.health.endpoint.host_port == endpoint.host_port


def _row(endpoint: Endpoint, opinion: ServerOpinion | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "service": endpoint.service,
        "name": endpoint.name,
        "at": endpoint.host_port,
        "weight": endpoint.weight,
        "draining": endpoint.draining,
        "tags": [f"{name}={harmless(text, MOST)}" for name, text in endpoint.tags],
        "state": "unknown",
        "says": "",
    }
    if opinion is None:
        return row
    health = opinion.health
    row |= {"state": health.state, "says": harmless(health.why, MOST)}
    if opinion.since_s:
        row["since_s"] = opinion.since_s
    if health.load is not None:
        parts = ("sessions", "queued", "requests", "errors")
        row |= {part: getattr(health.load, part) for part in parts}
    return row


def _services(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How many of each are in which state; who drains counts as that alone."""
    states: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        states[row["service"]]["draining" if row["draining"] else row["state"]] += 1
    return [
        {
            "service": name,
            "servers": sum(found.values()) - found["draining"],
            "up": found["up"] + found["unchecked"],
            "draining": found["draining"],
            "states": dict(sorted(found.items())),
        }
        for name, found in sorted(states.items())
    ]


def _drains(
    rows: Mapping[str, Mapping[str, Any]], fleet: Sequence[FleetAgent]
) -> list[dict[str, Any]]:
    """Who drains, how many sessions are left here, and which agents are waited for."""
    waited: dict[Key, list[str]] = defaultdict(list)
    for agent in fleet:
        for key in agent.waits:
            waited[key].append(_text(agent.agent))
    here = {(row["service"], row["name"]): row for row in rows.values() if row["draining"]}
    return [
        {
            "service": key[0],
            "name": key[1],
            "sessions": here[key].get("sessions") if key in here else None,
            "waits_for": waited.get(key, []),
        }
        for key in sorted({*chain(here, waited)})
    ]


def _other(agent: FleetAgent, own: str | None) -> dict[str, Any]:
    return {
        "agent": _text(agent.agent),
        "own": agent.agent == own,
        "address": _text(agent.address),
        "services": [_text(service) for service in agent.services],
        "version": _text(agent.version),
        "differs": [_text(part) for part in agent.differs],
        "since_s": agent.since or None,
    }


def seconds(stamp: object) -> float | None:
    """Unix seconds of a time as the status has it (``2026-11-26T12:00:03Z``)."""
    try:
        return float(calendar.timegm(time.strptime(str(stamp), "%Y-%m-%dT%H:%M:%SZ")))
    except ValueError:
        return None


def _at(when: Mapping[str, Any] | None) -> float | None:
    return seconds(when.get("at")) if when else None


def _text(value: Any) -> Any:
    """A text of others on one line; numbers and what is not there stay."""
    if value is None or isinstance(value, bool | int | float):
        return value
    return harmless(str(value), MOST)


def _tame(found: Any) -> Any:
    """A table of the status with all its texts on one line, and times in seconds."""
    if not isinstance(found, Mapping):
        return _text(found)
    told = {name: _text(value) for name, value in found.items()}
    times = {f"{name}_s": seconds(told.pop(name)) for name in ("since", "until") if name in told}
    return told | times
