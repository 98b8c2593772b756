"""What each event does to the metrics, from the first scrape on."""

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lbdisc import Endpoint, Problem, events
from lbdisc.events import FleetAgent
from lbdisc.handshake import begun
from lbdisc.observed import ServerHealth, ServerLoad
from lbdisc_metrics import words
from lbdisc_metrics.measuring import TEXT, Measured
from lbdisc_metrics.words import error_word, failure_word, reload_word
from support.scraping import Samples, samples

ROOT = Path(__file__).parents[2]
S1 = Endpoint(service="nodes", name="s1", address="10.0.0.1", port=3000)
S2 = replace(S1, name="s2", address="10.0.0.2")
ODD = replace(S1, service="nobody-asked-for-it", name="odd", address="10.0.0.3")
RAN = events.GenerationApplied(generation=1, digest="x", how="start", endpoints=(S1,))


def after(*told: events.Event, program: str = "run", clock: float = 0.0) -> Samples:
    """What a scrape finds after these."""
    started = events.ProgramStarted(program=program, version="1", backend="file")
    measured = Measured(started, ("nodes", "api"), lambda: clock)
    for event in told:
        measured.hear(event)
    return samples(measured.text(TEXT).decode())


def lost(error: str, kind: str = "registry") -> events.RegistryLost:
    return events.RegistryLost(error=error, kind=kind, retry_s=1)


def test_all_counters_are_there_before_anything_happens() -> None:
    found = after()
    assert found['lbdisc_applies_total{how="runtime",result="applied"}'] == 0
    assert found['lbdisc_reloads_total{reason="files"}'] == 0
    assert found['lbdisc_registry_errors_total{reason="login"}'] == 0
    assert found['lbdisc_endpoints{service="api",state="held"}'] == 0
    assert found['lbdisc_apply_duration_seconds_count{how="runtime"}'] == 0
    assert len(found) < 500


def test_news_are_counted_by_what_they_bring() -> None:
    news = events.RegistryNews(came=(S1, S2), went=(ODD,), total=7, unix_s=1000.0)
    found = after(news, replace(news, came=(), changed=((S1, S1),)))
    assert found["lbdisc_registry_last_news_timestamp_seconds"] == 1000
    assert found["lbdisc_registry_entries"] == 7
    assert found["lbdisc_registry_news_total"] == 2
    assert found['lbdisc_registry_changes_total{change="came"}'] == 2
    assert found['lbdisc_registry_changes_total{change="changed"}'] == 1


def test_a_registry_that_is_lost_and_back_is_counted_with_its_reason() -> None:
    back = events.RegistryBack(endpoints=1)
    found = after(back, lost("no answer of 10.0.0.5:2379"), lost("bad prefix", "settings"))
    assert found["lbdisc_registry_connected"] == 0
    assert found['lbdisc_registry_errors_total{reason="timeout"}'] == 1
    assert found['lbdisc_registry_errors_total{reason="settings"}'] == 1
    found = after(back, lost("x"), back, events.SettingsReread(backend="file"), back)
    assert found["lbdisc_registry_connected"] == 1
    reasons = ("start", "settings", "lost")
    assert [found[f'lbdisc_registry_resyncs_total{{reason="{r}"}}'] for r in reasons] == [1, 1, 1]


def test_a_generation_is_desired_then_running_then_written() -> None:
    wanted = events.ChangeWanted(generation=7, endpoints=2)
    ran = replace(RAN, generation=7, how="runtime", ms=4.0, commands=("a", "b", "c"))
    found = after(wanted)
    assert (found["lbdisc_in_step"], found['lbdisc_generation{stage="desired"}']) == (0, 7)
    found = after(wanted, ran)
    assert (found["lbdisc_in_step"], found['lbdisc_generation{stage="running"}']) == (1, 7)
    assert found['lbdisc_generation{stage="written"}'] == 0
    assert found['lbdisc_applies_total{how="runtime",result="applied"}'] == 1
    assert found["lbdisc_runtime_commands_total"] == 3
    assert found['lbdisc_apply_duration_seconds_bucket{how="runtime",le="0.0025"}'] == 0
    assert found['lbdisc_apply_duration_seconds_bucket{how="runtime",le="0.005"}'] == 1
    written = events.GenerationWritten(generation=7, digest="x")
    assert after(wanted, ran, written)['lbdisc_generation{stage="written"}'] == 7


def test_a_failed_apply_is_counted_by_its_class_and_out_of_step() -> None:
    failed = events.ApplyFailed(error="x", generation=2, kind="CheckError", retry_s=1)
    found = after(RAN, failed, replace(failed, kind="Made Up"))
    assert found["lbdisc_in_step"] == 0
    assert found['lbdisc_applies_total{how="none",result="failed"}'] == 2
    assert found['lbdisc_apply_failures_total{kind="CheckError"}'] == 1
    assert found['lbdisc_apply_failures_total{kind="other"}'] == 1


def test_endpoints_are_counted_by_service_and_state_and_never_named() -> None:
    told = [
        replace(RAN, endpoints=(S1, S2.drain(), ODD)),
        events.EndpointsHeld(endpoints=(S1,)),
        events.EntriesSkipped(entries=(Problem("nodes/bad", "no port"),), more=3),
        events.EndpointOverruled(service="nodes", endpoint="s2", how="drain", by="ana (1000)"),
    ]
    found = after(*told)
    states = ("ready", "draining", "held", "skipped", "overruled")
    counts = [found[f'lbdisc_endpoints{{service="nodes",state="{state}"}}'] for state in states]
    assert counts == [1, 1, 1, 1, 1]
    assert found['lbdisc_endpoints{service="other",state="ready"}'] == 1
    assert found['lbdisc_endpoints{service="other",state="skipped"}'] == 3
    assert found['lbdisc_guard_holds_total{service="nodes"}'] == 1
    assert found['lbdisc_overruled_endpoints{how="drain"}'] == 1
    text = " ".join(found)
    assert not re.search(r"s1|s2|odd|nobody-asked|10\.0\.0|ana", text)


def test_what_was_held_skipped_and_overruled_ends() -> None:
    held = events.EndpointsHeld(endpoints=(S1,))
    skipped = events.EntriesSkipped(entries=(Problem("nodes/bad", "no port"),))
    overruled = {"service": "nodes", "endpoint": "s1", "how": "disable", "by": "ana (1000)"}
    found = after(
        held,
        events.EndpointsReleased(endpoints=(S1,), returned=True),
        skipped,
        events.EntriesMended(entries=skipped.entries),
        events.EndpointOverruled(**overruled),  # type: ignore[arg-type]
        events.OverrulingEnded(**overruled),  # type: ignore[arg-type]
    )
    for state in ("held", "skipped", "overruled"):
        assert found[f'lbdisc_endpoints{{service="nodes",state="{state}"}}'] == 0
    assert found['lbdisc_guard_releases_total{returned="true",service="nodes"}'] == 1


def test_servers_are_counted_by_what_the_load_balancer_finds() -> None:
    seen = (
        ServerHealth(S1, "up", load=ServerLoad(sessions=3, queued=1)),
        ServerHealth(S2, "down", "HTTP 501", load=ServerLoad(sessions=1)),
        ServerHealth(replace(S2, name="s3").drain(), "up"),
    )
    found = after(events.ServersObserved(servers=seen, lingering=(40, 7)))
    assert found['lbdisc_servers{service="nodes",state="up"}'] == 1
    assert found['lbdisc_servers{service="nodes",state="down"}'] == 1
    assert found['lbdisc_service_sessions{service="nodes"}'] == 4
    assert found['lbdisc_service_queued{service="nodes"}'] == 1
    assert found["lbdisc_load_balancer_answers"] == 1
    assert (found["lbdisc_old_workers"], found["lbdisc_old_worker_oldest_age_seconds"]) == (2, 40)


def test_a_drain_waits_until_it_is_acknowledged_and_an_operators_for_nobody() -> None:
    asked = begun(S1.drain(), "tok")
    begins = events.DrainBegun(generation=1, endpoints=(asked, S2.drain()), monotonic_s=10.0)
    found = after(begins, clock=15.0)
    assert found['lbdisc_drains_waiting{service="nodes"}'] == 1
    assert found["lbdisc_drain_oldest_waiting_seconds"] == 5
    over = events.DrainAcknowledged(generation=1, endpoints=(asked,), monotonic_s=12.0)
    found = after(begins, over, clock=15.0)
    assert found['lbdisc_drains_waiting{service="nodes"}'] == 0
    assert found["lbdisc_drain_oldest_waiting_seconds"] == 0
    assert found["lbdisc_drain_duration_seconds_sum"] == 2
    assert found['lbdisc_drains_total{end="acknowledged"}'] == 1


def test_a_fleet_that_differs_is_timed() -> None:
    one = FleetAgent(agent="lb1", address="10.0.0.1")
    other = replace(one, agent="lb2", differs=("list",), since=time.time() - 60)
    found = after(events.FleetSeen(agents=(one, other)))
    assert found["lbdisc_fleet_agents"] == 2
    assert found['lbdisc_fleet_differing_agents{part="list"}'] == 1
    assert 59 < found["lbdisc_fleet_differs_seconds"] < 120
    again = events.FleetSeen(agents=(one, replace(other, differs=())))
    assert after(events.FleetSeen(agents=(one, other)), again)["lbdisc_fleet_differs_seconds"] == 0


def test_agents_with_one_list_have_one_digest() -> None:
    one, same = after(RAN), after(replace(RAN, generation=9, digest="other"))
    other = after(replace(RAN, endpoints=(S1, S2)))
    assert one["lbdisc_list_digest"] == same["lbdisc_list_digest"] > 0
    assert one["lbdisc_list_digest"] != other["lbdisc_list_digest"]


def test_what_operators_do_is_counted_and_in_force() -> None:
    pause = events.ApplyingPaused(by="ana (1000)", why="secret plan", unix_s=50.0)
    pin = events.GenerationPinned(pinned=12, digest="x", by="ana (1000)")
    found = after(pause, pin)
    assert (found["lbdisc_paused"], found["lbdisc_paused_since_timestamp_seconds"]) == (1, 50)
    assert found["lbdisc_pinned_generation"] == 12
    found = after(pause, pin, events.ApplyingResumed(by="bo (1001)"))
    assert (found["lbdisc_paused"], found["lbdisc_pinned_generation"]) == (0, 0)
    assert found['lbdisc_operator_actions_total{action="pause"}'] == 1


def test_a_pause_of_before_this_start_is_in_force_since_then_and_counted_no_more() -> None:
    found = after(events.ApplyingPaused(by="ana (1000)", unix_s=50.0, since_s=20.0))
    assert (found["lbdisc_paused"], found["lbdisc_paused_since_timestamp_seconds"]) == (1, 20)
    assert found['lbdisc_operator_actions_total{action="pause"}'] == 0


def test_settings_plugins_and_disk() -> None:
    found = after(
        events.SettingsRefused(error="x"),
        events.PluginBroken(plugin="a, listener b", error="full", dropped=17),
        events.StateNotKept(file="status.json", error="No space left on device"),
    )
    assert found["lbdisc_settings_last_reload_successful"] == 0
    assert found["lbdisc_events_dropped_total"] == 17
    assert found["lbdisc_state_unwritten_files"] == 1
    found = after(events.SettingsRefused(error="x"), events.SettingsReread(backend="file"))
    assert found["lbdisc_settings_last_reload_successful"] == 1


def test_an_instance_has_its_state_checks_and_renewals() -> None:
    told = [
        events.CheckPassed(rise=1),
        events.EntryRegistered(endpoint=S1),
        events.EntryRenewed(endpoint=S1, times=5),
        events.CheckFailed(error="x", fall=3),
        events.EntryUnrenewed(error="no answer"),
    ]
    found = after(*told, program="register")
    assert found['lbdisc_register_state{state="untold"}'] == 1
    assert found['lbdisc_register_state{state="registered"}'] == 0
    assert found["lbdisc_register_check_failures_total"] == 1
    assert found['lbdisc_register_renewals_total{result="renewed"}'] == 5
    assert found['lbdisc_register_renewals_total{result="failed"}'] == 1
    assert found["lbdisc_register_healthy"] == 1
    assert "lbdisc_in_step" not in found


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("HAProxy is not running: exit code 1", "absent"),
        ("no HAProxy answers at /run/master.sock", "absent"),
        ("what runs is not known", "unknown"),
        ("another worker serves than the one that was noted", "unknown"),
        ("servers added at run time reuse nothing", "settled"),
        ("settled, connections are reused; worker 12", "settled"),
        ("server nodes/s1 left 300 s ago and has sessions still", "left"),
        ("worker 12 runs instead of 7: someone else reloaded it", "replaced"),
        ("the runtime socket /run/haproxy.sock is gone", "socket"),
        ("212 servers change at once, more than 200", "many"),
        ("file hosts.map: changed", "files"),
        ("line 12 changed: 'balance leastconn'", "text"),
        ("line 30: section 'backend api' is new", "text"),
        ("server nodes/s1: 'cookie' changed", "servers"),
        ("another line may name server 's1'", "servers"),
        ("HAProxy refused a change at run time less than a minute ago", "refused"),
        ("the moon is full", "other"),
    ],
)
def test_reasons_of_reloads_are_words(said: str, word: str) -> None:
    assert reload_word(said) == word


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("no answer of 10.0.0.5:2379", "timeout"),
        ("etcd: permission denied for /lbdisc", "login"),
        ("10.0.0.5:2379: Connection refused", "refused"),
        ("the folder /srv/nodes does not exist", "missing"),
        ("the certificate of 10.0.0.5 is not trusted", "tls"),
        ("the discovery plugin failed: ValueError(x)", "plugin"),
    ],
)
def test_reasons_of_a_lost_registry_are_words(said: str, word: str) -> None:
    assert error_word("registry", said) == word
    assert error_word("settings", said) == "settings"


def test_each_word_is_explained() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    assert [w for w in (*words.RELOADS, *words.ERRORS) if f"`{w}`" not in page] == []
    assert failure_word("KeyError") == "other"
