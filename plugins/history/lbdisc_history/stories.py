"""Why a node is as it is: a few sentences from what the journal has of it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lbdisc.events.parts import cause, difference, key_of, listed
from lbdisc.events.went import gone, lease_in, lives_by
from lbdisc.events.wording import applied
from lbdisc.secrecy import masked
from lbdisc.showing import harmless
from lbdisc.times import span, stamp
from lbdisc_history.gathering import Gathered
from lbdisc_history.lines import Entry

COMMANDS = 5  # that are shown of one node
Status = Mapping[str, Any]


def story(node: Gathered, status: Status | None = None) -> list[str]:
    """Sentences, the last change first; ``status`` is what the agent says of itself now.

    None where the journal has nothing that matters.
    """
    told = [
        *_change(node),
        *_pending(node, status or {}),
        *_drain(node),
        *_lease(node),
        *_thought(node),
        *_overruled(node, status or {}),
        *_skipped(node),
        *_flaps(node),
        *_standing(status or {}),
    ]
    return [harmless(masked(sentence), 1000) for sentence in told]


def _change(node: Gathered) -> Iterator[str]:
    last = node.found.get("applied")
    who = "/".join(node.key)
    if last is None:
        if node.listed is not None:
            yield f"{who} is served, at {node.listed.host_port}, since before the history begins."
        return
    at = stamp(last["unix_s"])
    if not node.is_served:
        yield f"{who} went at {at}{_gone(node, last)}."
        yield from _guarded(node, last)
    elif last is node.found.get("came"):
        came = next(e for e in listed(last, "came") if key_of(e) == node.key)
        yield f"{who} joined at {at}{_by(last)}, at {came['address']}:{came['port']}."
    else:
        yield f"{who} changed at {at}{_by(last)}: {_differs(node, last)}."
    yield f"{_applied(node, last)}."
    if (came := node.found.get("came")) is not None and came is not last:
        yield f"It had joined at {stamp(came['unix_s'])}{_by(came)}."


def _gone(node: Gathered, last: Entry) -> str:
    """How it went: by the registry's own news where they are kept, else by what was applied."""
    news = node.found.get("news went")
    if news is None:
        return _by(last)
    if _drained(node, news):
        return f": it drained and left{_by(news)}"
    source = (news.get("cause") or {}).get("source", "")
    how = gone(lease_in(news, node.key), source, news["unix_s"])
    return f": it vanished without draining, {how}{_by(news)}"


def _drained(node: Gathered, news: Entry) -> bool:
    """Whether it was draining when it went, as ``news`` say."""
    its = (e for e in listed(news, "went") if key_of(e) == node.key)
    return any(e.get("state") == "draining" for e in its)


def _lease(node: Gathered) -> Iterator[str]:
    """What its entry lived by, unless that was told with how it went."""
    news = node.found.get("news")
    if news is None or (_is_in(news, "went", node) and not _drained(node, news)):
        return
    if (lease := lease_in(news, node.key)) is not None and lease.get("by"):
        yield f"At {stamp(news['unix_s'])} its entry lived by {lives_by(lease)}."


def _by(entry: Entry) -> str:
    return f" ({cause(entry)})" if cause(entry) else ""


def _guarded(node: Gathered, last: Entry) -> Iterator[str]:
    held, released = node.found.get("guard held"), node.found.get("guard released")
    news = node.found.get("news went")
    if held is not None and (news is None or held["seq"] > news["seq"]):
        until = f", and let it go at {stamp(released['unix_s'])}" if released else ""
        why = f": {released['why']}" if released and released.get("why") else ""
        yield f"The guard held it from {_since(held)} ({held.get('why', '')}){until}{why}."
    elif news is not None and node.service in (news.get("of") or {}):
        lost = sum(e["service"] == node.service for e in listed(news, "went"))
        yield f"The guard let it pass as {lost} of {news['of'][node.service]}."


def _since(held: Entry) -> str:
    """One that was held before the agent began is told of again, with how long it is."""
    return stamp(held["unix_s"] - held.get("since_s", 0.0))


def _differs(node: Gathered, entry: Entry) -> str:
    pairs = (pair for pair in listed(entry, "changed") if key_of(pair[1]) == node.key)
    return next((difference(*pair) for pair in pairs), "")


def _applied(node: Gathered, entry: Entry) -> str:
    text = f"Generation {entry['generation']} was {applied(entry)}"
    commands = commands_for(node, entry)
    more = f" and {len(commands) - COMMANDS} more" if len(commands) > COMMANDS else ""
    shown = ", ".join(f"`{command}`" for command in commands[:COMMANDS])
    return f"{text}: {shown}{more}" if commands else text


def commands_for(node: Gathered, entry: Entry) -> list[str]:
    """Those of the generation that name the node."""
    ends = re.compile(rf"/{re.escape(node.name)}(?![A-Za-z0-9._-])")
    return [command for command in listed(entry, "commands") if ends.search(command)]


def _pending(node: Gathered, status: Status) -> Iterator[str]:
    """What the registry has said since, and why that does not run."""
    last, news = node.found.get("applied"), node.found.get("news")
    held, released = node.found.get("guard held"), node.found.get("guard released")
    is_held = held is not None and (released is None or released["seq"] < held["seq"])
    if held is not None and is_held and node.is_served:
        who = "The guard" if held.get("by", "guard") == "guard" else "An operator"
        left = f", for {span(held['for_s'])} at least" if "for_s" in held else ""
        yield f"{who} holds it since {_since(held)}: {held.get('why', '')}{left}."
    if news is None or is_held or (last is not None and news["seq"] < last["seq"]):
        return
    failure, at = status.get("failure") or {}, stamp(news["unix_s"])
    because = f", as applying fails: {failure['error']}" if failure.get("error") else ""
    if _is_in(news, "came", node):  # a watcher that begins tells of all that is there
        if not node.is_served:
            yield f"The registry has it since {at}{_by(news)}, and it is not served{because}."
    else:
        what = "gone" if _is_in(news, "went", node) else _differs(node, news)
        yield f"The registry says since {at} that it is {what}{_by(news)}{because}."


def _is_in(entry: Entry, key: str, node: Gathered) -> bool:
    return any(key_of(each) == node.key for each in listed(entry, key))


def _drain(node: Gathered) -> Iterator[str]:
    begun, done = node.found.get("drain begun"), node.found.get("drain acknowledged")
    came, over = node.found.get("came"), node.found.get("drain over")
    if begun is None or (came is not None and begun["seq"] < came["seq"]):
        return
    if node.is_served and over is not None and over["seq"] > begun["seq"]:
        return
    yield f"It drained from {stamp(begun['unix_s'])}{_by(begun)}" + (
        f"; no session was left at {stamp(done['unix_s'])}."
        if done is not None and done["seq"] > begun["seq"]
        else "; that no session was left is not recorded."
    )


def _thought(node: Gathered) -> Iterator[str]:
    """What the load balancer thinks of it, or thought last."""
    entry, first = node.found.get("servers"), node.found.get("first look")
    verb = "has" if node.is_served else "had"
    if first is not None and (entry is None or entry["seq"] < first["seq"]):
        if node.is_served:
            yield f"The load balancer {verb} it up, at the first look at {stamp(first['unix_s'])}."
        return
    if entry is None:
        return
    said = next(e for e in listed(entry, "changed") if key_of(e) == node.key)
    why = f": {said['why']}" if said.get("why") else ""
    since = stamp(entry["unix_s"] - said.get("steady_s", 0.0))
    yield f"The load balancer {verb} it {said['state']} since {since}{why}."


def _overruled(node: Gathered, status: Status) -> Iterator[str]:
    entry, ended = node.found.get("overruled"), node.found.get("overruled no more")
    now = [o for o in status.get("overruled") or () if (o["service"], o["name"]) == node.key]
    if entry is not None and (ended is None or ended["seq"] < entry["seq"]):
        weight = f" {entry['weight']}" if "weight" in entry else ""
        why = f": {entry['why']}" if entry.get("why") else ""
        by, at = entry["by"], stamp(float(entry.get("since_s") or entry["unix_s"]))
        yield f"{by} overrules the registry here since {at}: {entry['how']}{weight}{why}."
    elif now:
        yield f"{now[0]['by']} overrules the registry here: {now[0]['how']}."
    elif ended is not None:
        yield f"An operator's {ended['how']} of it ended at {stamp(ended['unix_s'])}."


def _skipped(node: Gathered) -> Iterator[str]:
    entry, mended = node.found.get("entry skipped"), node.found.get("entry mended")
    if entry is None or (mended is not None and mended["seq"] > entry["seq"]):
        return
    last = node.found.get("news")
    if last is not None and last["seq"] > entry["seq"] and _is_in(last, "came", node):
        return
    for problem in listed(entry, "entries"):
        where = str(problem["where"]).removesuffix(".json")
        if f"/{where}".endswith(f"/{node.service}/{node.name}"):
            yield f"Its entry is skipped since {stamp(entry['unix_s'])}: {problem['what']}."


def _flaps(node: Gathered) -> Iterator[str]:
    entry, calm = node.found.get("endpoint flaps"), node.found.get("endpoint is calm")
    if entry is not None and (calm is None or calm["seq"] < entry["seq"]):
        yield (
            f"It changes without end since {stamp(entry['unix_s'])}: what it changes waits, for"
            f" {span(entry.get('for_s', 0.0))} then."
        )


def _standing(status: Status) -> Iterator[str]:
    """What holds up every change."""
    if paused := status.get("paused"):
        yield f"{paused['by']} has paused lbdisc: nothing is applied until it is resumed."
    if pinned := status.get("pinned"):
        yield f"{pinned['by']} has pinned generation {pinned['generation']}, whatever comes."
