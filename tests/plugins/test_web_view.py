"""What the page shows, made of events and of the status: bounded, in words, and tame."""

import json
from dataclasses import replace
from typing import Any

from lbdisc import Endpoint, events
from lbdisc.observed import ServerHealth, ServerLoad
from lbdisc.state.judging import judge
from lbdisc.state.liveness import Liveness
from lbdisc_web.differing import difference
from lbdisc_web.reading import AgentSaid
from lbdisc_web.seen import KEPT, PageSeen, taken
from lbdisc_web.view import Document, document

WEB = Endpoint(service="nodes", name="web-1", address="10.0.0.1", port=80)
OTHER = replace(WEB, name="web-2", address="10.0.0.2")
HOSTILE = "<script>alert(1)</script>\u202e\n\x1b[31m"


def seen_of(*heard: events.Event) -> PageSeen:
    seen = PageSeen()
    for event in heard:
        seen = taken(seen, event)
    return seen


def applied(*endpoints: Endpoint, **parts: Any) -> events.GenerationApplied:
    told: dict[str, Any] = {
        "generation": 1,
        "digest": "d",
        "how": "runtime",
        "came": endpoints,
        "ms": 4.2,
    }
    return events.GenerationApplied(endpoints=endpoints, **(told | parts))


def shown(seen: PageSeen, **status: Any) -> Document:
    live = Liveness("running")
    verdict = judge(status, live, services=("nodes",), now=0.0)
    return document(AgentSaid(live, verdict, status), seen, now_s=100.0)


def observed(*servers: ServerHealth, unix_s: float = 100.0) -> events.ServersObserved:
    return events.ServersObserved(servers=servers, unix_s=unix_s)


def test_an_endpoint_has_what_the_load_balancer_says_and_counts() -> None:
    load = ServerLoad(sessions=1, queued=2, requests=3, errors=4)
    health = ServerHealth(WEB, "down", "HTTP 501 to HEAD /", 40.0, load)
    row = shown(seen_of(applied(WEB), observed(health)))["endpoints"]["nodes/web-1"]
    assert (row["state"], row["says"], row["since_s"]) == ("down", "HTTP 501 to HEAD /", 60)
    assert [row[n] for n in ("sessions", "queued", "requests", "errors")] == [1, 2, 3, 4]


def test_an_opinion_of_another_address_is_none() -> None:
    moved = replace(WEB, address="10.0.0.9")
    found = shown(seen_of(applied(WEB), observed(ServerHealth(WEB, "up")), applied(moved)))
    assert found["endpoints"]["nodes/web-1"]["state"] == "unknown"


def test_since_when_does_not_move_with_every_look() -> None:
    looks = [observed(ServerHealth(WEB, "up", "", s), unix_s=u) for s, u in ((9, 100), (15, 105))]
    rows = [shown(seen_of(applied(WEB), *looks[:n]))["endpoints"] for n in (1, 2)]
    assert rows[0] == rows[1]


def test_a_service_counts_who_is_up_and_leaves_out_who_drains() -> None:
    health = [ServerHealth(WEB, "up"), ServerHealth(OTHER.drain(), "up")]
    found = shown(seen_of(applied(WEB, OTHER.drain()), observed(*health)))["services"]
    assert [(s["servers"], s["up"], s["draining"]) for s in found] == [(1, 1, 1)]


def test_events_are_told_in_words_with_their_cause() -> None:
    cause = events.Cause(source="etcd", revision="7")
    gone = applied(WEB, generation=2, went=(OTHER,), came=(), cause=cause)
    (newest, first) = shown(seen_of(applied(WEB, OTHER), gone))["events"]
    assert newest["text"] == "nodes/web-2 went; applied at run time in 4.2 ms, generation 2"
    assert newest["cause"] == "etcd 7"
    assert "nodes/web-1, nodes/web-2 joined" in first["text"]


def test_only_the_last_events_are_kept_and_repetitions_told_once() -> None:
    lost = events.RegistryLost(error="away", kind="registry", retry_s=1.0)
    again = replace(lost, again=True)
    assert len(seen_of(*[lost] * 3, *[again] * 9).acts) == 3
    assert len(seen_of(*[lost] * 200).acts) == KEPT


def test_an_event_without_words_of_its_own_is_shown_with_what_it_holds() -> None:
    seen = seen_of(events.StateKept(file="/x/status.json"))
    assert seen.acts[0].text == "state kept again: file /x/status.json"


def test_who_drains_is_shown_with_whom_it_waits_for() -> None:
    agent = events.FleetAgent(agent="lb2", address="10.0.0.3", waits=(WEB.key,))
    seen = seen_of(applied(WEB.drain()), events.FleetSeen(agents=(agent,)))
    assert shown(seen)["drains"] == [
        {"service": "nodes", "name": "web-1", "sessions": None, "waits_for": ["lb2"]}
    ]


def test_what_others_wrote_is_on_one_line_and_turns_nothing() -> None:
    tagged = replace(WEB, tags=(("t", "<b>" + "x" * 1000),))
    health = ServerHealth(WEB, "down", HOSTILE)
    lost = events.RegistryLost(error=HOSTILE, kind="registry", retry_s=1.0)
    found = shown(
        seen_of(applied(tagged), observed(health), lost),
        registry="lost",
        registry_error=HOSTILE,
        problems=[{"where": HOSTILE, "what": HOSTILE}],
    )
    text = json.dumps(found, ensure_ascii=False)
    assert text.isprintable()
    assert len(found["endpoints"]["nodes/web-1"]["tags"][0]) < 310


def test_what_an_operator_did_is_shown_with_times_in_seconds() -> None:
    waits = {"count": 2, "changes": ["+nodes/a", "-nodes/b"], "how": "runtime", "why": ""}
    paused = {"by": "ana (1000)", "why": "tests", "since": "1970-01-01T00:01:00Z", "until": None}
    found = shown(PageSeen(), paused={**paused, "waits": waits})["operator"]["paused"]
    words = {"by": "ana (1000)", "why": "tests", "waits": 2}
    assert found == {**words, "since_s": 60.0, "until_s": None}


def test_the_difference_brings_one_document_to_the_next() -> None:
    before = shown(seen_of(applied(WEB, OTHER)))
    after = shown(seen_of(applied(WEB, OTHER), applied(replace(WEB, weight=7), generation=2)))
    parts = difference(before, after)
    assert set(parts) == {"endpoints", "services", "events"}
    assert parts["endpoints"]["gone"] == ["nodes/web-2"]
    assert [row["weight"] for row in parts["endpoints"]["put"].values()] == [7]
    assert difference(after, after) == {}


def test_drift_that_a_pause_leaves_is_in_the_verdict() -> None:
    paused = {"by": "ana (1000)", "since": "2026-11-27T14:02:11Z", "drifted": f"s1 {HOSTILE}"}
    found = shown(PageSeen(), generation={"number": 1}, registry="ok", in_step=True, paused=paused)
    assert "and the load balancer drifted, which is left so: s1" in found["verdict"]["summary"]
    assert found["operator"]["paused"]["drifted"].isprintable()
