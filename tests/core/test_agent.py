"""The agent's pipeline: merged, applied, verified, repaired, never forgotten, never emptied.

The discovery here is a fake with behaviour; file and commands are real. Whole programs with a real
HAProxy are in tests/system.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event
from zlib import crc32

import pytest

from lbdisc import Endpoint, Problem, Publish, Rendered, Snapshot, events
from lbdisc.agent.admission import Admission
from lbdisc.agent.agent import Agent
from lbdisc.agent.guard import Guard
from lbdisc.agent.status import Status
from lbdisc.agent.watching import Wake, Watcher
from lbdisc.backoff import Backoff
from lbdisc.builtin.command.reloader import CommandReloader, CommandSettings
from lbdisc.builtin.journal.journal import Journal
from lbdisc.errors import DiscoveryError, LbdiscError, RenderError, SettingsError
from lbdisc.listening.listeners import Listeners
from lbdisc.screening.screen import Screening
from lbdisc.settings.tables import AgentSettings, CoreSettings
from lbdisc.state.judging import judge
from lbdisc.state.liveness import Liveness
from lbdisc.state.store import Store, claimed
from lbdisc.testing.waiting import eventually
from support.notes import Notes


class Script:
    """A discovery that publishes, or raises, what the test puts in."""

    def __init__(self) -> None:
        self.steps: SimpleQueue[Snapshot | BaseException] = SimpleQueue()
        self.published = 0
        self.calls = 0

    def watch(self, publish: Publish, stop: Event) -> None:
        self.calls += 1
        while not stop.is_set():
            try:
                step = self.steps.get(timeout=0.02)
            except Empty:
                continue
            if isinstance(step, BaseException):
                raise step
            self.published += 1
            publish(step, revision=str(self.published))


class Names:
    """A renderer: the names, one a line; a node named `bad` cannot be rendered."""

    def render(self, snapshot: Snapshot) -> Rendered:
        names = [endpoint.name for endpoint in snapshot.endpoints]
        if "bad" in names:
            raise RenderError("template, line 3: no bad nodes")
        return Rendered("".join(f"{name}\n" for name in names))


def at(name: str) -> str:
    """An address of its own for each name."""
    return str(IPv4Address(0x0A000000 | crc32(name.encode()) & 0xFFFFFF))


def nodes(*names: str, service: str = "nodes") -> Snapshot:
    return Snapshot.of(
        Endpoint(service=service, name=name, address=at(name), port=3000) for name in names
    )


class House:
    """An agent in a temporary folder; `reloads` holds the texts that were brought to life."""

    def __init__(self, folder: Path, **command: str) -> None:
        self.folder = folder
        self.script = Script()
        self.seen = folder / "seen"
        self.seen.mkdir(exist_ok=True)
        pace = AgentSettings(
            quiet=0.05, max_wait=0.2, min_reload_interval=0, retry_first=0.05, retry_most=0.1
        )
        self.settings = CoreSettings(output=folder / "lb.cfg", state_dir=folder, agent=pace)
        copy = f"sh -c 'cp {{file}} {self.seen}/$(ls {self.seen} | wc -l)'"
        self.reloader = CommandReloader(CommandSettings(**{"reload": copy, **command}))  # type: ignore[arg-type]
        self.store = Store(folder)
        self.error: LbdiscError | None = None
        self.heard = Notes()

    @property
    def reloads(self) -> list[str]:
        return [(self.seen / str(n)).read_text() for n in range(len(list(self.seen.iterdir())))]

    @property
    def text(self) -> str:
        return self.settings.output.read_text()

    @property
    def status(self) -> dict[str, object]:
        return json.loads((self.folder / "status.json").read_text())  # type: ignore[no-any-return]

    @property
    def number(self) -> int:
        generation = self.status["generation"]
        return generation["number"] if isinstance(generation, dict) else 0

    @contextmanager
    def running(self) -> Iterator[Agent]:
        wake, stop = Wake(), Event()
        guard = Guard(self.settings.guard, self.store.last_snapshot())
        backoff = Backoff(0.05, 0.1)
        status = Status(self.store)
        self.listeners = Listeners([Journal(), status, self.heard], wake=wake.call)
        tell = self.listeners.tell
        agent = Agent(
            self.settings,
            listeners=self.listeners,
            status=status,
            watcher=Watcher(
                self.script,
                guard,
                wake.call,
                source="script",
                screen=Screening(self.settings.endpoints),
                admission=Admission(self.settings, guard.memory.balanced),
                tell=tell,
                backoff=backoff,
            ),
            renderer=Names(),
            reloader=self.reloader,
            store=self.store,
            wake=wake,
        )
        thread = threading.Thread(target=self._run, args=(agent, stop))
        thread.start()
        try:
            yield agent
        finally:
            stop.set()
            wake.call()
            thread.join(10)
            agent.close()
            assert not thread.is_alive()

    def _run(self, agent: Agent, stop: Event) -> None:
        try:
            agent.run(stop)
        except LbdiscError as error:
            self.error = error

    def eventually(self, probe: Callable[[], object], what: str = "") -> None:
        eventually(probe, deadline=15, what=what)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_snapshot_becomes_a_running_generation(house: House) -> None:
    with house.running():
        house.script.steps.put(nodes("s1", "s2"))
        house.eventually(lambda: house.text == "s1\ns2\n")
        house.eventually(lambda: house.status["in_step"])
    assert house.number == 1


def test_a_burst_is_merged(house: House) -> None:
    with house.running():
        for count in range(1, 51):
            house.script.steps.put(nodes(*(f"s{n:02}" for n in range(count))))
        house.eventually(lambda: house.text.count("\n") == 50)
    assert len(house.reloads) < 10


def test_news_are_what_differs_from_the_last(house: House) -> None:
    with house.running():
        house.script.steps.put(nodes("s1", "s2"))
        house.eventually(lambda: house.text == "s1\ns2\n")
        house.script.steps.put(nodes("s2", "s3"))
        house.eventually(lambda: house.text == "s2\ns3\n")
    news = [event for event in house.heard.events if isinstance(event, events.RegistryNews)]
    told = [([e.name for e in n.came], [e.name for e in n.went], n.total) for n in news]
    assert told == [(["s1", "s2"], [], 2), (["s3"], ["s1"], 2)]


def test_equal_snapshots_cost_nothing(house: House) -> None:
    with house.running():
        house.script.steps.put(nodes("s1"))
        house.eventually(lambda: house.reloads == ["s1\n"])
        house.script.steps.put(nodes("s1"))
        house.script.steps.put(nodes("s1", "s2"))
        house.eventually(lambda: house.text == "s1\ns2\n")
    assert house.reloads == ["s1\n", "s1\ns2\n"]


def test_other_services_are_left_out(house: House) -> None:
    with house.running():
        house.script.steps.put(
            Snapshot.of([*nodes("s1").endpoints, *nodes("x", service="other").endpoints])
        )
        house.eventually(lambda: house.text == "s1\n")


def test_a_lost_registry_changes_nothing_and_is_said(house: House) -> None:
    with house.running():
        house.script.steps.put(nodes("s1"))
        house.eventually(lambda: house.text == "s1\n")
        house.script.steps.put(DiscoveryError("etcd is away"))
        house.eventually(lambda: house.status["registry_error"] == "etcd is away")
        assert house.text == "s1\n"
        house.script.steps.put(nodes("s1", "s2"))
        house.eventually(lambda: house.status["registry"] == "ok")
        house.eventually(lambda: house.text == "s1\ns2\n")
    assert house.script.calls == 2


def test_a_plugin_that_breaks_is_called_again(house: House) -> None:
    with house.running():
        house.script.steps.put(RuntimeError("bug"))
        house.script.steps.put(nodes("s1"))
        house.eventually(lambda: house.text == "s1\n")


def test_a_failed_apply_is_tried_again_though_nothing_changes(tmp_path: Path) -> None:
    house = House(tmp_path, check=f"test -e {tmp_path}/open")
    with house.running():
        house.script.steps.put(nodes("s1"))
        house.eventually(lambda: house.status["failure"])
        assert not house.settings.output.exists()
        (tmp_path / "open").touch()
        house.eventually(lambda: house.text == "s1\n")
        house.eventually(lambda: house.status["failure"] is None)


def test_a_generation_says_where_its_time_went(tmp_path: Path) -> None:
    house = House(tmp_path, check="true {file}")
    with house.running():
        house.script.steps.put(nodes("s1"))
        house.eventually(lambda: house.heard.of(events.GenerationApplied))
    (applied,) = house.heard.of(events.GenerationApplied)
    stages = ["news", "rendered", "planned", "checked", "applied", "verified"]
    assert list(applied.stages) == stages
    assert applied.ms is not None
    assert 0 < sum(applied.stages.values()) <= applied.ms
    assert min(applied.stages["checked"], applied.stages["applied"]) > 0


def test_an_attempt_that_failed_says_how_far_it_came(tmp_path: Path) -> None:
    house = House(tmp_path, reload="false")
    with house.running():
        house.script.steps.put(nodes("s1"))
        house.eventually(lambda: len(house.heard.of(events.ApplyFailed)) > 1)
    for failed in house.heard.of(events.ApplyFailed)[:2]:
        assert list(failed.stages) == ["news", "rendered", "planned", "applied"]


def test_who_cannot_be_rendered_is_left_out_and_named_until_it_is_gone(house: House) -> None:
    with house.running():
        house.script.steps.put(nodes("bad", "s1"))
        house.eventually(lambda: house.text == "s1\n")
        house.eventually(lambda: "line 3: no bad nodes" in str(house.status["problems"]))
        house.script.steps.put(nodes("bad", "s2"))
        house.eventually(lambda: house.text == "s2\n")
        assert house.status["failure"] is None
        house.script.steps.put(nodes("s1", "s2"))
        house.eventually(lambda: house.text == "s1\ns2\n")
        house.eventually(lambda: house.status["problems"] == [])


@pytest.mark.parametrize("says", ["", "echo lb.cfg:$(grep -n ^x {file} | cut -d: -f1 | head -1)"])
def test_whoever_the_check_refuses_is_left_out_whether_or_not_its_words_name_a_line(
    tmp_path: Path, says: str
) -> None:
    refuses = f"sh -c 'if grep -q ^x {{file}}; then {says or ':'}; exit 1; fi'"
    house = House(tmp_path, check=refuses)
    with house.running():
        house.script.steps.put(nodes("s1", "s2"))
        house.eventually(lambda: house.text == "s1\ns2\n")
        house.script.steps.put(nodes("s2", "s3", "s4", "x1", "x2"))
        house.eventually(lambda: house.text == "s2\ns3\ns4\n")
        house.eventually(
            lambda: skipped(house) == {f"nodes/{x}@{at(x)}:3000" for x in ("x1", "x2")}
        )


def skipped(house: House) -> set[str]:
    return {problem["where"] for problem in house.status["problems"]}  # type: ignore[attr-defined]


def test_what_is_no_endpoints_fault_is_said_as_such_and_its_text_is_kept(tmp_path: Path) -> None:
    house = House(tmp_path, check=f"sh -c 'test ! -e {tmp_path}/shut'")
    kept = house.settings.output.with_name("lb.cfg.refused")
    with house.running():
        house.script.steps.put(nodes("s1"))
        house.eventually(lambda: house.status["in_step"])
        (tmp_path / "shut").touch()
        house.script.steps.put(nodes("s1", "s2"))
        house.eventually(lambda: "no endpoint is at fault" in str(house.status["failure"]))
        assert kept.read_text() == "s1\ns2\n"
        assert kept.stat().st_mode & 0o777 == 0o600
        (tmp_path / "shut").unlink()
        house.eventually(lambda: house.text == "s1\ns2\n")
        house.eventually(lambda: not kept.exists())


def test_a_load_balancer_that_dies_while_all_is_refused_is_brought_back(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    # What served last is good; with s2 the check refuses, and with nobody at all it does, too.
    house = House(
        tmp_path,
        check="sh -c '[ \"$(cat {file})\" = s1 ]'",
        verify=f"test -e {alive}",
        reload=f"touch {alive}",
    )
    with house.running():
        house.script.steps.put(nodes("s1"))
        house.eventually(lambda: house.status["in_step"])
        house.script.steps.put(nodes("s2"))
        house.eventually(lambda: house.status["failure"])
        alive.unlink()
        house.eventually(alive.exists)
        assert house.text == "s1\n"


def test_drift_is_repaired_and_counted(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    house = House(tmp_path, verify=f"test -e {mark}", reload=f"touch {mark}")
    house.settings = replace(house.settings, agent=replace(house.settings.agent, verify_every=0.1))
    with house.running():
        house.script.steps.put(nodes("s1"))
        house.eventually(mark.exists)
        house.eventually(lambda: house.status["in_step"])
        mark.unlink()
        house.eventually(mark.exists)
        house.eventually(lambda: house.status["counters"]["drift"] >= 1)  # type: ignore[index]


def test_what_never_runs_is_told_as_such(tmp_path: Path) -> None:
    house = House(tmp_path, verify="false")
    with house.running():
        house.script.steps.put(nodes("s1"))
        house.eventually(lambda: house.status["failure"])
        assert house.status["failure"]["kind"] == "Unconfirmed"  # type: ignore[index]
        assert house.status["written"] is None


def test_desired_running_and_written_are_told_apart(tmp_path: Path) -> None:
    house = House(tmp_path, check=f"sh -c 'test ! -e {tmp_path}/shut'")
    with house.running():
        house.script.steps.put(nodes("s1", "s2"))
        house.eventually(lambda: house.status["written"])
        assert house.status["desired"] == {"number": 1, "endpoints": 2}
        (tmp_path / "shut").touch()
        house.script.steps.put(nodes("s1", "s2", "s3"))
        house.eventually(lambda: house.status["failure"])
        assert house.status["desired"] == {"number": 2, "endpoints": 3}
        assert house.status["written"]["number"] == 1  # type: ignore[index]


def test_a_restart_without_the_registry_serves_the_last_state(house: House) -> None:
    with house.running():
        house.script.steps.put(nodes("s1"))
        house.eventually(lambda: house.status["in_step"])
    again = House(house.folder)
    again.settings.output.unlink()
    with again.running():
        again.script.steps.put(DiscoveryError("away"))
        again.eventually(lambda: again.text == "s1\n")


def test_a_restart_with_a_wiped_registry_does_not_empty_the_balancer(house: House) -> None:
    with house.running():
        house.script.steps.put(nodes("s1", "s2"))
        house.eventually(lambda: house.status["in_step"])
    again = House(house.folder)
    with again.running():
        again.script.steps.put(nodes())
        again.eventually(lambda: len(again.status["held"]) == 2)  # type: ignore[arg-type]
        assert again.text == "s1\ns2\n"


def test_with_nothing_known_the_file_that_is_there_stays(house: House) -> None:
    house.settings.output.write_text("by hand\n")
    with house.running():
        house.script.steps.put(DiscoveryError("away"))
        house.eventually(lambda: house.reloads == ["by hand\n"])
        house.script.steps.put(nodes("s1"))
        house.eventually(lambda: house.text == "s1\n")


def test_settings_that_can_never_work_end_the_agent_when_nothing_is_known(house: House) -> None:
    with house.running():
        house.script.steps.put(SettingsError("file.dir: no such folder"))
        house.eventually(lambda: house.error is not None)
    assert isinstance(house.error, SettingsError)


def test_settings_that_fail_later_do_not_end_it(house: House) -> None:
    with house.running():
        house.script.steps.put(nodes("s1"))
        house.eventually(lambda: house.text == "s1\n")
        house.script.steps.put(SettingsError("wrong password"))
        house.eventually(lambda: house.status["registry_error"] == "wrong password")
        house.script.steps.put(nodes("s2"))
        house.eventually(lambda: house.text == "s2\n")


def test_skipped_entries_are_in_the_status_while_they_are_there(house: House) -> None:
    with house.running():
        house.script.steps.put(Snapshot.of(nodes("s1").endpoints, [Problem("s2", "bad port")]))
        house.eventually(lambda: house.status["problems"] == [{"where": "s2", "what": "bad port"}])
        house.script.steps.put(nodes("s1"))
        house.eventually(lambda: house.status["problems"] == [])


def test_generations_count_on_after_a_restart(house: House) -> None:
    for name, number in (("s1", 1), ("s2", 2)):
        with house.running():
            house.script.steps.put(nodes("s1", name))
            house.eventually(lambda n=number: house.number == n)  # type: ignore[misc]


def test_one_state_folder_has_one_agent(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.locked():
        assert store.holder == os.getpid()
        with pytest.raises(LbdiscError, match="another lbdisc uses"), Store(tmp_path).locked():
            raise AssertionError("locked twice")
    assert store.holder is None


def test_one_file_has_one_agent(tmp_path: Path) -> None:
    with claimed(tmp_path / "haproxy.cfg"):
        with claimed(tmp_path / "other.cfg"):
            pass
        with (
            pytest.raises(LbdiscError, match=r"uses output .*haproxy.cfg \(process \d+\)"),
            claimed(tmp_path / "haproxy.cfg"),
        ):
            raise AssertionError("claimed twice")


def test_each_generation_has_its_cause_and_the_time_since_its_news(house: House) -> None:
    with house.running():
        house.script.steps.put(nodes("s1"))
        house.eventually(lambda: house.heard.of(events.GenerationApplied))
    (applied,) = house.heard.of(events.GenerationApplied)
    assert applied.cause == events.Cause(source="script", revision="1")
    assert applied.ms is not None
    assert applied.ms > 0
    assert applied.came == nodes("s1").endpoints


def test_a_repair_has_no_news_and_so_no_duration(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    house = House(tmp_path, verify=f"test -e {mark}", reload=f"touch {mark}")
    with house.running():
        house.script.steps.put(nodes("s1"))
        house.eventually(lambda: house.status["in_step"])
        mark.unlink()
        house.eventually(lambda: len(house.heard.of(events.GenerationApplied)) == 2)
    repaired = house.heard.of(events.GenerationApplied)[1]
    assert (repaired.ms, str(repaired.cause)) == (None, "drift")


def test_after_a_restart_only_what_is_new_came(house: House) -> None:
    with house.running():
        house.script.steps.put(nodes("s1", "s2"))
        house.eventually(lambda: house.status["in_step"])
    again = House(house.folder)
    with again.running():
        again.script.steps.put(nodes("s2", "s3"))
        again.eventually(lambda: again.heard.of(events.GenerationApplied))
    (applied,) = again.heard.of(events.GenerationApplied)
    assert (applied.came, applied.went) == (nodes("s3").endpoints, nodes("s1").endpoints)


def test_what_changed_is_told_with_what_was(house: House) -> None:
    (was,) = nodes("s1").endpoints
    now = replace(was, weight=7, state="draining")
    with house.running():
        house.script.steps.put(Snapshot.of([was]))
        house.eventually(lambda: house.heard.of(events.GenerationApplied))
        house.script.steps.put(Snapshot.of([now]))
        house.eventually(lambda: len(house.heard.of(events.GenerationApplied)) == 2)
    assert house.heard.of(events.GenerationApplied)[1].changed == ((was, now),)
    assert [event.endpoints for event in house.heard.of(events.DrainBegun)] == [(now,)]


def test_a_registry_that_fails_with_other_numbers_fails_in_one_way(house: House) -> None:
    with house.running():
        house.script.steps.put(nodes("s1"))
        for number in (1, 22, 333):
            house.script.steps.put(DiscoveryError(f"process {number} is away"))
        house.script.steps.put(nodes("s1", "s2"))
        house.eventually(lambda: len(house.heard.of(events.RegistryBack)) == 2)
    lost = house.heard.of(events.RegistryLost)
    assert [(event.times, event.again) for event in lost] == [(1, False), (2, True), (3, True)]
    assert house.status["registry_failures"] == 3
    first, again = house.heard.of(events.RegistryBack)
    assert first.ms is None
    assert again.ms is not None


@pytest.mark.parametrize("error", [SystemExit(3), GeneratorExit(3)])
def test_a_discovery_that_exits_is_lost_and_called_again(
    house: House, error: BaseException
) -> None:
    with house.running():
        house.script.steps.put(error)
        house.script.steps.put(nodes("s1"))
        house.eventually(lambda: house.text == "s1\n")
    assert repr(error) in house.heard.of(events.RegistryLost)[0].error


def test_a_watch_that_publishes_and_fails_again_at_once_is_lost(house: House) -> None:
    with house.running():
        for number in range(12):
            house.script.steps.put(nodes("s1", f"n{number}"))
            house.script.steps.put(DiscoveryError("it cannot be read"))
        house.eventually(lambda: house.status["registry_failures"] == 12)
        house.script.steps.put(nodes("s1", "last"))
        house.eventually(lambda: house.text == "last\ns1\n")
        said = house.status
    assert (said["registry"], said["registry_failing"]) == ("lost", 12)
    assert said["registry_error"] == "it cannot be read"
    assert len(house.heard.of(events.RegistryBack)) == 2
    judged = judge(said, Liveness("running"), services=["nodes"], now=time.monotonic())
    (reason,) = (each for each in judged.counted if each.check == "registry")
    assert reason.text.endswith(": it cannot be read (12 times)")


def test_what_a_discovery_raises_is_told_in_one_short_line(house: House) -> None:
    with house.running():
        house.script.steps.put(KeyError("\x1b[2J\n" * 100_000))
        house.script.steps.put(DiscoveryError("\u202e" * 100_000))
        house.script.steps.put(nodes("s1"))
        house.eventually(lambda: house.heard.of(events.RegistryBack))
    lost = house.heard.of(events.RegistryLost)
    assert len(lost) == 2
    assert all(each.error.isascii() and each.error.isprintable() for each in lost)
    assert all(len(each.error) < 700 and len(each.trace) < 10_000 for each in lost)


def test_what_the_guard_holds_and_lets_go_is_told(house: House) -> None:
    with house.running():
        house.script.steps.put(nodes("s1", "s2"))
        house.eventually(lambda: house.text == "s1\ns2\n")
        house.script.steps.put(nodes())
        house.eventually(lambda: len(house.status["held"]) == 2)  # type: ignore[arg-type]
        house.script.steps.put(nodes("s1", "s2"))
        house.eventually(lambda: house.status["held"] == [])
    assert [e.endpoints for e in house.heard.of(events.EndpointsHeld)] == [
        nodes("s1", "s2").endpoints
    ]
    (released,) = house.heard.of(events.EndpointsReleased)
    assert (released.endpoints, released.returned) == (nodes("s1", "s2").endpoints, True)


def test_who_flaps_waits_and_the_others_do_not(house: House) -> None:
    with house.running():
        house.script.steps.put(nodes("good"))
        house.eventually(lambda: house.text == "good\n")
        for n in range(400):
            house.script.steps.put(nodes("good", *(["flap"] if n % 2 == 0 else [])))
        house.script.steps.put(nodes("flap", "good", "more"))
        house.eventually(lambda: house.text == "good\nmore\n")
        house.eventually(lambda: house.status["flapping"])
        house.script.steps.put(nodes("flap", "good"))
        house.eventually(lambda: house.text == "good\n")


def test_a_flood_displaces_nobody(house: House) -> None:
    limits = replace(house.settings.endpoints, per_service=3)
    house.settings = replace(house.settings, endpoints=limits)
    with house.running():
        house.script.steps.put(nodes("y", "z"))
        house.eventually(lambda: house.text == "y\nz\n")
        house.script.steps.put(nodes(*"abcdefyz"))
        house.eventually(lambda: house.text == "a\ny\nz\n")
        house.eventually(lambda: len(house.status["problems"]) == 1)  # type: ignore[arg-type]
