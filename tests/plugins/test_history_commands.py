"""`lbdisc history` and `lbdisc why`: what happened, in words, out of the journal."""

import json
import time
from pathlib import Path

import pytest

from lbdisc import Lease, Problem, events
from lbdisc.errors import LbdiscError, SettingsError
from lbdisc.events import Cause
from lbdisc.observed import ServerHealth
from lbdisc.times import span
from lbdisc_history.explaining import explain
from lbdisc_history.listing import Wanted, show
from lbdisc_history.reading import JournalFolder
from lbdisc_history.times import moment
from support.histories import Told, node

Captured = pytest.CaptureFixture[str]
WENT = Cause(source="etcd", revision="8123")


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """Twelve nodes that an agent serves."""
    made = Told(tmp_path / "history")
    made.serve(*(node(n) for n in range(1, 13)))
    return made


def lines(told: Told, capsys: Captured, **wanted: object) -> list[str]:
    capsys.readouterr()
    show(told.close(), Wanted(**wanted), follow=False)  # type: ignore[arg-type]
    return [line.partition(" ")[2] for line in capsys.readouterr().out.splitlines()]


def why(told: Told, name: str, capsys: Captured, **status: object) -> str:
    capsys.readouterr()
    explain(told.close(), name, status, as_json=False)
    return capsys.readouterr().out


def without(told: Told, number: int, **parts: object) -> None:
    told.serve(*(e for e in told.snapshot.endpoints if e != node(number)), **parts)  # type: ignore[arg-type]


def test_news_that_are_applied_at_once_are_one_line(told: Told, capsys: Captured) -> None:
    without(told, 3)
    assert lines(told, capsys)[-1] == (
        "nodes/web-3 vanished: its lease ended, or its entry was deleted (etcd 8002);"
        " applied at run time in 4.0 ms, generation 2"
    )


def test_one_that_drained_before_left(told: Told, capsys: Captured) -> None:
    draining = tuple(node(n, state="draining") if n == 3 else node(n) for n in range(1, 13))
    told.serve(*draining)
    told.serve(*(e for e in draining if not e.draining))
    assert lines(told, capsys)[-2:] == [
        "nodes/web-3: ready -> draining (etcd 8002); applied at run time in 4.0 ms, generation 2",
        "nodes/web-3 left (etcd 8003); applied at run time in 4.0 ms, generation 3",
    ]


def test_news_that_led_to_nothing_have_a_line(told: Told, capsys: Captured) -> None:
    told.tell(events.RegistryNews(went=(node(3), node(4)), total=10, cause=WENT))
    told.tell(events.EndpointsHeld(endpoints=(node(3), node(4)), why="2 of 12", cause=WENT))
    assert lines(told, capsys)[-2:] == [
        "the registry says (etcd 8123): nodes/web-3, nodes/web-4 went; 10 listed",
        "the guard holds nodes/web-3, nodes/web-4: 2 of 12",
    ]


def test_the_last_lines_are_shown_and_of_one_service_if_asked(told: Told, capsys: Captured) -> None:
    told.serve(*told.snapshot.endpoints, node(1, service="api"))
    assert len(lines(told, capsys, limit=1)) == 1
    assert lines(told, capsys, service="api")[-1].startswith("api/web-1 joined (etcd 8002)")
    assert len(lines(told, capsys, service="api")) == 1


def test_since_is_by_the_wall_clock(told: Told, capsys: Captured) -> None:
    told.tell(events.RegistryBack(endpoints=1, unix_s=50.0))
    told.tell(events.RegistryBack(endpoints=2, unix_s=150.0))
    assert lines(told, capsys, since=100.0, until=200.0) == ["the registry answers: 2 endpoints"]


def test_json_has_a_schema_and_every_entry(told: Told, capsys: Captured) -> None:
    told.close()
    show(JournalFolder(told.folder), Wanted(as_json=True), follow=False)
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(e["schema"], e["event"]) for e in found] == [
        (1, "started"),
        (1, "news"),
        (1, "running"),
    ]


def test_what_a_terminal_would_obey_is_escaped(told: Told, capsys: Captured) -> None:
    told.tell(events.SettingsRefused(error="\x1b[31m\nred"))
    assert lines(told, capsys)[-1] == "settings refused, the old ones stay: \\x1b[31m\\nred"


@pytest.mark.parametrize(
    "event",
    [
        events.ApplyingPaused(by="ana (1000)", why="deploy", until_s=1e9),
        events.EndpointOverruled(
            service="nodes", endpoint="web-1", how="weight", weight=5, by="ana (1000)"
        ),
        events.FleetOrderGiven(order="abcdef", ask="pause", by="ana (1000)", why="deploy"),
        events.FleetOrderTaken(order="abcdef", agent="lb1", ask="pause", by="ana (1000)"),
        events.FleetOrderRefused(
            order="abcdef", agent="lb1", ask="drain", what="nodes/a", by="ana (1000)", error="off"
        ),
        events.PluginBroken(plugin="x", error="y"),
        events.EntriesSkipped(entries=(Problem("nodes/x", "bad port"),), more=3),
        events.OldProcesses(count=2, oldest_s=7),
        events.Tended(generation=1, how="reload"),
        events.DrainAcknowledged(generation=1, endpoints=(node(1),)),
        events.CopyKept(file="a", copy="b"),
    ],
    ids=lambda event: event.name,
)
def test_every_event_has_words(told: Told, capsys: Captured, event: events.Event) -> None:
    told.tell(event)
    assert lines(told, capsys, everything=True)[-1]


@pytest.mark.parametrize(
    ("text", "ago"), [("90s", 90), ("30m", 1800), ("1.5h", 5400), ("2 d", 172800)]
)
def test_a_time_ago_is_understood(text: str, ago: float) -> None:
    assert moment(text, now=1_000_000.0, option="--since") == 1_000_000.0 - ago


def test_a_time_is_utc_if_it_does_not_say() -> None:
    assert moment("1970-01-01T00:01", now=0.0, option="--since") == 60.0
    assert moment("1970-01-01T01:01+01:00", now=0.0, option="--since") == 60.0


def test_no_time_at_all_says_what_would_be_right() -> None:
    with pytest.raises(SettingsError, match=r"--since 'soon': a time ago, as 90s.* ISO time"):
        moment("soon", now=0.0, option="--since")
    assert span(0.004) == "4 ms"


def test_why_tells_who_said_so_what_the_guard_made_of_it_and_what_was_done(
    told: Told, capsys: Captured
) -> None:
    servers = (ServerHealth(node(3), "down", "connection refused", 13.0),)
    told.tell(events.ServersObserved(servers=servers, unix_s=100.0))
    commands = ("set server nodes/web-3 state maint", "set server nodes/web-31 weight 1")
    without(told, 3, commands=commands)
    found = why(told, "web-3", capsys)
    assert "nodes/web-3 went at " in found
    assert "its lease ended, or its entry was deleted (etcd 8002).\n" in found
    assert "The guard let it pass as 1 of 12.\n" in found
    assert (
        "Generation 2 was applied at run time in 4.0 ms: `set server nodes/web-3 state maint`.\n"
    ) in found
    assert "The load balancer had it down since 1970-01-01T00:01:27Z: connection refused." in found


def test_the_last_of_a_service_and_all_at_once_are_counted_as_well(
    told: Told, capsys: Captured
) -> None:
    told.serve(node(13))  # in place of all twelve
    assert "The guard let it pass as 12 of 12.\n" in why(told, "web-3", capsys)
    told.serve()
    assert "The guard let it pass as 1 of 1.\n" in why(told, "web-13", capsys)


def test_why_tells_when_it_joined_and_changed(told: Told, capsys: Captured) -> None:
    told.serve(*(node(n, weight=5 if n == 3 else 100) for n in range(1, 13)))
    found = why(told, "nodes/web-3", capsys)
    assert "(etcd 8002): weight 100 -> 5.\n" in found
    assert "It had joined at " in found


def test_who_is_up_at_the_first_look_is_up(told: Told, capsys: Captured) -> None:
    told.tell(events.ServersObserved(servers=(ServerHealth(node(3), "up"),)))
    assert "The load balancer has it up, at the first look at" in why(told, "web-3", capsys)


def test_why_tells_that_the_guard_holds(told: Told, capsys: Captured) -> None:
    told.tell(events.RegistryNews(went=(node(3),), total=11, cause=WENT))
    told.tell(events.EndpointsHeld(endpoints=(node(3),), why="8 of 12 vanished", for_s=60.0))
    found = why(told, "web-3", capsys)
    assert "The guard holds it since" in found
    assert "8 of 12 vanished, for 60 s at least." in found


def test_why_tells_what_is_not_applied_yet_and_why(told: Told, capsys: Captured) -> None:
    told.tell(events.RegistryNews(went=(node(3),), total=11, cause=WENT))
    found = why(told, "web-3", capsys, failure={"error": "no such cert"})
    assert "that it is gone (etcd 8123), as applying fails: no such cert." in found


def test_why_tells_who_overruled_it(told: Told, capsys: Captured) -> None:
    told.tell(
        events.EndpointOverruled(
            service="nodes", endpoint="web-3", how="drain", by="ana (1000)", why="slow disk"
        )
    )
    assert ": drain: slow disk." in why(told, "web-3", capsys)


def test_why_tells_what_is_wrong_with_an_entry_that_is_skipped(
    told: Told, capsys: Captured
) -> None:
    problem = Problem("nodes/web-99.json", "bad port 0")
    told.tell(events.EntriesSkipped(entries=(problem,)))
    found = why(told, "web-99", capsys)
    assert "skipped since" in found
    assert "bad port 0" in found


def test_why_tells_that_everything_waits(told: Told, capsys: Captured) -> None:
    assert "ana (1000) has paused lbdisc" in why(told, "web-3", capsys, paused={"by": "ana (1000)"})


def test_an_unknown_node_names_the_nearest(told: Told, capsys: Captured) -> None:
    with pytest.raises(LbdiscError, match=r"no node 'wbe-3' \(did you mean 'web-3'\?\)"):
        why(told, "wbe-3", capsys)
    with pytest.raises(SettingsError, match="give NAME or SERVICE/NAME"):
        why(told, "a b", capsys)


def test_one_that_was_there_before_the_history_is_served(told: Told, capsys: Captured) -> None:
    told.close()
    for file in told.folder.glob("*.ndjson"):
        file.unlink()
    again = Told(told.folder)
    again.tell(
        events.GenerationApplied(
            generation=7, digest="d", how="nothing", endpoints=told.snapshot.endpoints
        )
    )
    assert "nodes/web-3 is served, at 10.0.0.3:3000, since before the history" in why(
        again, "web-3", capsys
    )


def test_a_restart_says_nothing_new_of_a_node(told: Told, capsys: Captured) -> None:
    told.tell(events.ProgramStarted(program="run", version="1", backend="etcd"))
    told.tell(events.RegistryNews(came=told.snapshot.endpoints, total=12, cause=WENT))
    found = why(told, "web-3", capsys)
    assert "The registry" not in found
    assert "joined" in found


def test_why_tells_of_a_node_whose_service_nobody_balances(told: Told, capsys: Captured) -> None:
    told.tell(events.RegistryNews(came=(node(1, service="db"),), total=13, cause=WENT))
    explain(told.close(), "db/web-1", None, services=("nodes",))
    found = capsys.readouterr().out
    assert "(etcd 8123), and it is not served.\n" in found
    assert "The setting services does not name db: nobody balances it.\n" in found


def test_one_that_an_operator_or_a_setting_took_out_did_not_vanish(
    told: Told, capsys: Captured
) -> None:
    rest = told.snapshot.endpoints[1:]
    told.tell(
        events.GenerationApplied(
            generation=2,
            digest="d",
            how="runtime",
            went=(node(1),),
            endpoints=rest,
            cause=Cause(source="settings"),
        )
    )
    found = why(told, "web-1", capsys)
    assert found.startswith("nodes/web-1 went at ")
    assert " (settings).\n" in found
    assert "vanished" not in found


def test_why_of_a_name_in_two_services_tells_both(told: Told, capsys: Captured) -> None:
    told.serve(*told.snapshot.endpoints, node(3, service="api"))
    found = why(told, "web-3", capsys)
    assert "api/web-3 joined" in found
    assert "nodes/web-3 joined" in found
    assert "nodes/web-3" not in why(told, "api/web-3", capsys)


def test_why_in_json(told: Told, capsys: Captured) -> None:
    capsys.readouterr()
    explain(told.close(), "web-3", None, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert (found["schema"], found["service"], found["name"]) == (1, "nodes", "web-3")
    assert found["served"] is True
    assert found["entries"]["came"]["generation"] == 1
    assert time.time() - found["entries"]["came"]["unix_s"] < 600


LEASE = Lease(service="nodes", name="web-3", by="lease 694d97a1", ttl_s=10.0)


def test_why_names_the_lease_of_one_that_vanished(told: Told, capsys: Captured) -> None:
    news = events.RegistryNews(
        went=(node(3),), total=11, leases=(LEASE,), cause=WENT, unix_s=1_000_011.0
    )
    told.tell(news)
    served = tuple(e for e in told.snapshot.endpoints if e != node(3))
    told.tell(
        events.GenerationApplied(
            generation=2, digest="d", how="runtime", went=(node(3),), endpoints=served, cause=WENT
        )
    )
    assert (
        ": it vanished without draining, its lease 694d97a1 ended (good for 10 s, no renewal after"
        " 13:46:41), or its entry was deleted (etcd 8123).\n"
    ) in why(told, "web-3", capsys)


def test_why_names_the_lease_of_one_that_is_there(told: Told, capsys: Captured) -> None:
    old, now = node(3), node(3, weight=5)
    news = events.RegistryNews(
        changed=((old, now),), total=12, leases=(LEASE,), cause=WENT, unix_s=1_000_011.0
    )
    told.tell(news)
    found = why(told, "web-3", capsys)
    assert "its entry lived by lease 694d97a1, good for 10 s.\n" in found


def test_leases_of_a_whole_registry_are_not_kept(told: Told) -> None:
    many = tuple(Lease(service="nodes", name=f"n{n}", by="lease 1") for n in range(1001))
    told.tell(events.RegistryNews(came=(node(99),), total=13, leases=many, cause=WENT))
    *_, news = told.close().forwards()
    assert "leases" not in news
