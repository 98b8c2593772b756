"""What happened, in words, on one line: everything that shows events says it with these.

Of an event as an object, be it of a moment ago or out of a journal (``entries``).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lbdisc.events.base import Event
from lbdisc.events.entries import EventEntry, entry_of
from lbdisc.events.parts import Key, cause, count, difference, key_of, listed, names, some
from lbdisc.events.went import VANISHED, gone, lease_in
from lbdisc.secrecy import masked
from lbdisc.showing import harmless
from lbdisc.times import milliseconds, span, stamp

MOST = 1000  # characters of a line
_UNSAID = ("schema", "seq", "unix_s", "monotonic_s", "event")
_HOW = {
    "runtime": "at run time",
    "reload": "by a reload",
    "start": "by a start",
    "written": "in the file alone",
    "nothing": "with nothing to do",
}


def sentence(event: Event) -> str:
    """What happened, for who shows the cause beside it."""
    entry = entry_of(event)
    entry.pop("cause", None)
    return words(entry)


def words(entry: EventEntry, news: Iterable[EventEntry] = ()) -> str:
    """What happened, and why. ``news`` are the registry's that led to this one."""
    return harmless(masked(_said(entry, tuple(news))), MOST)


def _said(entry: EventEntry, news: tuple[EventEntry, ...]) -> str:
    try:
        if entry["event"] == "running":
            return _running(entry, news)
        tell = _TELL.get(entry["event"], _plainly)
        return tell(entry)
    except (KeyError, TypeError, ValueError, AttributeError):
        return _plainly(entry)  # of another version, or with its lists cut


def applied(entry: EventEntry) -> str:
    """``applied at run time in 4 ms``, with why a reload or a start was needed."""
    how = str(entry.get("how", ""))
    ms = f" in {milliseconds(entry['ms'])}" if "ms" in entry else ""
    why = f" ({entry['why']})" if entry.get("why") else ""
    return f"applied {_HOW.get(how, how)}{ms}{why}"


def drained_first(news: Iterable[EventEntry]) -> dict[Key, bool]:
    """Of those that went by ``news``, whether each had drained before."""
    return {key_of(e): e.get("state") == "draining" for each in news for e in listed(each, "went")}


def _running(entry: EventEntry, news: tuple[EventEntry, ...]) -> str:
    drained, went = drained_first(news), listed(entry, "went")
    clean = {key_of(e): drained.get(key_of(e)) for e in went}
    left = [e for e in went if e.get("state") == "draining" or clean[key_of(e)]]
    vanished = [e for e in went if e not in left and clean[key_of(e)] is False]
    others = [e for e in went if e not in left and e not in vanished]
    parts = [
        f"{names(left)} left" if left else "",
        f"{names(vanished)} vanished{_how(vanished, entry, news)}" if vanished else "",
        f"{names(others)} went" if others else "",
        *_joined(entry),
    ]
    told = "; ".join(filter(None, parts)) or "what is served is the same"
    because = f" ({cause(entry)})" if cause(entry) else ""
    return f"{told}{because}; {applied(entry)}, generation {entry['generation']}"


def _how(vanished: list[Mapping[str, Any]], entry: EventEntry, news: tuple[EventEntry, ...]) -> str:
    """Of one its lease is named, of several what is so of all."""
    source = (entry.get("cause") or {}).get("source", "")
    if len(vanished) == 1:
        key = key_of(vanished[0])
        for each in news:
            if (lease := lease_in(each, key)) is not None:
                return f": {gone(lease, source, each['unix_s'])}"
    return f": {VANISHED[source]}" if source in VANISHED else ""


def _joined(entry: EventEntry) -> Iterable[str]:
    if came := listed(entry, "came"):
        yield f"{names(came)} joined"
    if pairs := listed(entry, "changed"):
        yield some([f"{'/'.join(key_of(b))}: {difference(a, b)}" for a, b in pairs])
    if entry.get("cut"):
        yield f"{count(entry, 'came')} joined, {count(entry, 'went')} went"


def _news(entry: EventEntry) -> str:
    parts = [f"{names(listed(entry, 'went'))} went" if entry.get("went") else "", *_joined(entry)]
    told = "; ".join(filter(None, parts))
    return f"the registry says ({cause(entry) or 'no revision'}): {told}; {entry['total']} listed"


def _servers(entry: EventEntry) -> str:
    if "unanswered" in entry:
        return f"the load balancer does not say what it thinks: {entry['unanswered']}"
    told = [server(each) for each in listed(entry, "changed")]
    first = [f"{entry['up']} up at the first look"] if entry.get("first") else []
    return "the load balancer: " + "; ".join([*first, some(told)] if told else first or ["answers"])


def server(each: Mapping[str, Any]) -> str:
    """``nodes/web-3 is down: connection refused``."""
    why = f": {each['why']}" if each.get("why") else ""
    return f"{each['service']}/{each['name']} is {each['state']}{why}"


def _held(entry: EventEntry) -> str:
    who = "the guard" if entry.get("by", "guard") == "guard" else f"an {entry['by']}"
    until = f"; by the clock in {span(entry['for_s'])} at the earliest" if "for_s" in entry else ""
    return f"{who} holds {names(listed(entry, 'endpoints'))}: {entry.get('why', '')}{until}"


def _skipped(entry: EventEntry) -> str:
    told = [f"{each['where']}: {each['what']}" for each in listed(entry, "entries")]
    more = f"; {entry['more']} more are" if entry.get("more") else ""
    return f"skipped: {some(told)}{more}"


def _overruled(entry: EventEntry) -> str:
    weight = f" {entry['weight']}" if "weight" in entry else ""
    until = f", until {stamp(entry['until_s'])}" if "until_s" in entry else ""
    who = f"{entry['service']}/{entry['endpoint']}"
    return (
        f"{entry['by']} overrules the registry: {who}: {entry['how']}{weight}{until}{_why(entry)}"
    )


def _paused(entry: EventEntry) -> str:
    until = f", until {stamp(entry['until_s'])}" if "until_s" in entry else ""
    return f"{entry['by']} paused: nothing is applied{until}{_why(entry)}"


def _asked(entry: EventEntry) -> str:
    return f"{entry['ask']} {entry.get('what', '')}".strip()


def _why(entry: EventEntry) -> str:
    return f": {entry['why']}" if entry.get("why") else ""


def _drift(entry: EventEntry) -> str:
    left = "it is repaired" if entry.get("repaired", True) else "nothing is done, as it is paused"
    return f"the load balancer ran something else: {entry['found']}; {left}"


def _returned(entry: EventEntry) -> str:
    lost = f" after {span(entry['ms'] / 1000)}" if "ms" in entry else ""
    return f"the registry answers{lost}: {entry['endpoints']} endpoints"


def _plainly(entry: EventEntry) -> str:
    """One that there are no words for: its name, and what it holds."""
    told = ", ".join(f"{key} {_value(value)}" for key, value in entry.items() if key not in _UNSAID)
    return f"{entry['event']}: {told}" if told else str(entry["event"])


def _value(value: Any) -> str:
    if isinstance(value, dict) and {"service", "name"} <= value.keys():
        return "/".join(key_of(value))
    if isinstance(value, dict):
        return " ".join(str(each) for each in value.values())
    if isinstance(value, list):
        return some([_value(each) for each in value])
    return str(value)


_TELL: Mapping[str, Callable[[EventEntry], str]] = {
    "started": lambda e: f"lbdisc {e['program']} {e['version']} started, registry {e['backend']}",
    "stopping": lambda e: f"lbdisc stops: {e.get('why') or 'no reason told'}",
    "stopped": lambda e: f"lbdisc stopped after {span(e['uptime_s'])}{_error(e)}",
    "news": _news,
    "servers": _servers,
    "guard held": _held,
    "guard released": lambda e: f"no longer held: {names(listed(e, 'endpoints'))}{_why(e)}",
    "entry skipped": _skipped,
    "entry mended": lambda e: f"no longer skipped: {some([p['where'] for p in e['entries']])}",
    "registry lost": lambda e: f"the registry is lost: {e['error']}; the last state stays",
    "registry answers": _returned,
    "endpoint flaps": lambda e: (
        f"{names(listed(e, 'endpoints'))} changes without end: that waits, {span(e['for_s'])} now"
    ),
    "endpoint is calm": lambda e: f"{names(listed(e, 'endpoints'))} flaps no more",
    "written": lambda e: f"generation {e['generation']} is in the file",
    "not applied": lambda e: (
        f"generation {e['generation']} was not applied: {e['error']}{_times(e)}"
    ),
    "drift": _drift,
    "drift over": lambda e: "the load balancer runs what it should again, and nothing was done",
    "tidied up": lambda e: f"tidied up ({e['how']}): {e.get('detail') or 'nothing to tell'}",
    "drain begun": lambda e: f"{names(listed(e, 'endpoints'))} drains",
    "drain over": lambda e: f"{names(listed(e, 'endpoints'))} drains no more",
    "drain acknowledged": lambda e: (
        f"{names(listed(e, 'endpoints'))} drained: no session is left, and the registry is told"
    ),
    "old processes": lambda e: f"{e['count']} old processes of the load balancer are left",
    "settings re-read": lambda e: f"settings re-read{_later(e)}",
    "settings refused": lambda e: f"settings refused, the old ones stay: {e['error']}",
    "paused": _paused,
    "resumed": lambda e: f"{e['by']} resumed{_why(e)}",
    "pinned": lambda e: f"{e['by']} pinned generation {e['pinned']}{_why(e)}",
    "overruled": _overruled,
    "fleet order given": lambda e: f"{e['by']} asked the fleet: {_asked(e)}{_why(e)}",
    "fleet order taken": lambda e: (
        f"{e['by']} at {e['agent']} asked the fleet: {_asked(e)}: {e.get('did', '')}"
    ),
    "fleet order refused": lambda e: (
        f"refused what {e['by']} at {e['agent']} asked the fleet: {_asked(e)}: {e['error']}"
    ),
    "overruled no more": lambda e: (
        f"{e['service']}/{e['endpoint']} is as the registry says again (was {e['how']}){_why(e)}"
    ),
}


def _error(entry: EventEntry) -> str:
    return f": {entry['error']}" if entry.get("error") else ""


def _times(entry: EventEntry) -> str:
    return f" ({entry['times']} times)" if entry.get("times", 1) > 1 else ""


def _later(entry: EventEntry) -> str:
    later = listed(entry, "later")
    return f"; at the next start: {', '.join(later)}" if later else ""
