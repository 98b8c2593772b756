"""Restarts of `lbdisc run`: what runs is taken over as it is, and nobody notices."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from lbdisc.haproxy.sockets.commands import SetWeight
from lbdisc.haproxy.sockets.master import Master, Processes
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.processes import Process, free_port
from lbdisc.testing.waiting import eventually
from support.patient import PatientApp
from support.scene import Scene, lost

LEAVE = {"on_stop": "leave", "settle_after": 0}


def processes(scene: Scene) -> Processes:
    return Master(scene.state / "master.sock").processes()


def worker(scene: Scene) -> int:
    current = processes(scene).current
    assert current is not None
    return current.pid


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Scene]:
    """A managed HAProxy with s1 and s2 up, and no agent any more."""
    with Scene(tmp_path, haproxy=LEAVE) as scene:
        scene.join("s1", "s2")
        agent = scene.agent()
        scene.until_up("s1", "s2")
        assert agent.stop() == 0
        yield scene


def how(scene: Scene) -> dict[str, int]:
    """How this agent brought its generations to life, and how often."""
    counters = scene.status["counters"].items()
    return {k.removeprefix("applied_"): n for k, n in counters if k.startswith("applied_")}


def test_a_restart_takes_over_the_worker_without_a_reload(serving: Scene) -> None:
    before = worker(serving)
    with serving.traffic() as traffic:
        serving.agent()
        assert how(serving) == {"nothing": 1}
        serving.join("s3")
        serving.until_up("s1", "s2", "s3")
        eventually(lambda: how(serving) == {"nothing": 1, "runtime": 1})
    assert worker(serving) == before
    assert lost(traffic) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda its: its.name)
@pytest.mark.parametrize("mode", ["managed", "attached"])
def test_restarts_lose_no_request_short_or_long(
    tmp_path: Path, mode: str, number: signal.Signals
) -> None:
    with ExitStack() as stack:
        app = stack.enter_context(PatientApp().serving())
        core = {"services": ["nodes", "slow"]}
        scene = stack.enter_context(Scene(tmp_path, haproxy={**LEAVE, "mode": mode}, core=core))
        if mode == "attached":
            stack.enter_context(attached(scene))
        scene.join("s1", "s2")
        list_of(scene, "slow", app.port)
        agent = scene.agent()
        scene.until_up("s1", "s2")
        eventually(lambda: scene.servers("slow") == {"s1": "UP"})
        with scene.traffic() as traffic, app.asked(scene.port, "slow", 5) as answers:
            eventually(lambda: sessions(scene, "slow") == 5)
            for _ in range(3):
                agent.stop(number)
                agent = scene.agent()
            now = processes(scene)
        assert (now.reloads, len(now.workers), len(now.old)) == (mode == "attached", 1, 0)
        assert [answer.result() for answer in answers] == ["ok"] * 5
        assert lost(traffic) == []


def list_of(scene: Scene, service: str, port: int) -> None:
    """Put a node file of another service into place."""
    (scene.nodes / service).mkdir()
    (scene.nodes / service / "s1.json").write_text(f'{{"address": "127.0.0.1", "port": {port}}}')


def sessions(scene: Scene, proxy: str) -> int:
    with Runtime(str(scene.state / "haproxy.sock")) as runtime:
        return sum(row.sessions for row in runtime.stats(proxy) if row.kind == "server")


def test_an_attached_haproxy_is_taken_over_likewise(tmp_path: Path) -> None:
    with Scene(tmp_path, haproxy={**LEAVE, "mode": "attached"}) as scene, attached(scene):
        scene.join("s1")
        agent = scene.agent()
        scene.until_up("s1")
        before = processes(scene)
        assert agent.stop() == 0
        plan = scene.lbdisc("plan", name="plan")
        assert (plan.wait(), plan.log.read_text()) == (0, "nothing: nothing changes\n")
        scene.agent()
        assert how(scene) == {"nothing": 1}
        assert processes(scene).reloads == before.reloads


@contextmanager
def attached(scene: Scene) -> Iterator[Process]:
    """HAProxy as a supervisor runs it, with a file that does nothing yet."""
    scene.state.mkdir()
    config, master = scene.state / "haproxy.cfg", scene.state / "master.sock"
    config.write_text(f"listen idle\n  mode http\n  bind 127.0.0.1:{free_port()}\n")
    command: list[str | Path] = ["haproxy", "-W", "-S", master, "-f", config]
    log = scene.folder / "haproxy.log"
    with Process(command, log=log, ready=master.is_socket) as haproxy:
        yield haproxy


def test_what_changed_meanwhile_comes_at_run_time(serving: Scene) -> None:
    before = worker(serving)
    serving.unlist("s1")
    serving.join("s3")
    plan = serving.lbdisc("plan", name="plan")
    assert plan.wait() == 0
    assert "runtime: " in plan.log.read_text()
    serving.agent()
    serving.until_up("s2", "s3")
    assert (worker(serving), how(serving)) == (before, {"runtime": 1})


def test_a_server_that_waited_in_maintenance_is_known_again(serving: Scene) -> None:
    serving.unlist("s2")
    agent = serving.agent()
    eventually(lambda: "server s2 " not in serving.config)
    agent.kill()
    serving.join("s2")
    serving.agent()
    serving.until_up("s1", "s2")
    assert (processes(serving).reloads, how(serving)) == (0, {"runtime": 1})


def test_a_settling_reload_that_was_due_still_comes(tmp_path: Path) -> None:
    with Scene(tmp_path, haproxy={**LEAVE, "settle_after": 2.0}) as scene:
        scene.join("s1")
        agent = scene.agent()
        scene.until_up("s1")
        with Runtime(str(scene.state / "haproxy.sock")) as runtime:
            wanted = 0 if runtime.features().reuses_connections else 1
        scene.join("s2")
        scene.until_up("s1", "s2")
        eventually(lambda: "server s2 " in scene.config)
        agent.kill()
        scene.agent()
        eventually(lambda: scene.status["counters"].get("tended_reload", 0) >= wanted)
        assert how(scene) == {"nothing": 1}


def test_what_was_typed_at_the_socket_meanwhile_costs_one_reload(serving: Scene) -> None:
    with Runtime(str(serving.state / "haproxy.sock")) as runtime:
        runtime.run([SetWeight("nodes", "s1", 5)])
    serving.agent()
    eventually(lambda: serving.status["in_step"])
    assert how(serving) == {"reload": 1}
    assert "nodes/s1 has weight 5 instead of 100" in newest_log(serving)


def newest_log(scene: Scene) -> str:
    """What the last agent said."""
    return max(scene.folder.glob("agent*.log")).read_text()


def test_a_crash_before_the_file_followed_is_healed_without_a_reload(serving: Scene) -> None:
    before = serving.config
    agent = serving.agent()
    serving.join("s3")
    serving.until_up("s1", "s2", "s3")
    eventually(lambda: "server s3 " in serving.config)
    agent.kill()
    (serving.state / "haproxy.cfg").write_text(before)
    serving.agent()
    eventually(lambda: "server s3 " in serving.config)
    assert (processes(serving).reloads, how(serving)) == (0, {"written": 1})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda note: note | {"version": 0}, "is of version 0 instead of 1"),
        (lambda note: note | {"version": 9}, "is of version 9 instead of 1"),
        (lambda note: note | {"boot": "another"}, "is of another machine, or of before its last"),
        (lambda note: note | {"worker": [1, 1]}, "another worker serves"),
        (lambda note: note | {"master": [note["master"][0], 1]}, "another worker serves"),
        (lambda note: note | {"digest": "0"}, "the files on disk are not those"),
        (lambda note: note | {"in_maintenance": [["nodes"]]}, "is damaged"),
        (lambda note: {k: v for k, v in note.items() if k != "unsettled"}, "is damaged"),
    ],
)
def test_a_note_that_does_not_hold_is_said_and_costs_one_reload(
    serving: Scene, change: Callable[[dict[str, Any]], dict[str, Any]], why: str
) -> None:
    note = serving.state / "worker.json"
    note.write_text(json.dumps(change(json.loads(note.read_text()))))
    agent = serving.agent()
    assert how(serving) == {"reload": 1}
    [line] = [line for line in newest_log(serving).splitlines() if why in line]
    assert '"how": "reload"' in line
    agent.kill()
    serving.agent()
    assert how(serving) == {"nothing": 1}


@pytest.mark.parametrize("name", ["snapshot.jsonl", "pace.json", "status.json", "worker.json"])
def test_a_state_file_cut_short_stops_nobody_and_is_said_once(serving: Scene, name: str) -> None:
    file = serving.state / name
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    serving.agent(until_running=False)
    eventually(lambda: '"event": "running"' in newest_log(serving))
    assert serving.servers().keys() == {"s1", "s2"}
    assert len([line for line in newest_log(serving).splitlines() if str(file) in line]) == 1


def test_once_with_nothing_to_do_does_nothing_and_says_so(serving: Scene) -> None:
    before, files = processes(serving), written(serving)
    once = serving.lbdisc("run", "--once", name="once")
    assert once.wait() == 0
    assert '"how": "nothing"' in once.log.read_text()
    assert processes(serving).reloads == before.reloads
    assert files.items() <= written(serving).items()


def written(scene: Scene) -> dict[str, int]:
    """When each file in the state folder was written; locks name their last holders."""
    return {
        path.name: path.stat().st_mtime_ns
        for path in scene.state.iterdir()
        if path.is_file() and not path.name.endswith(".lock")
    }
