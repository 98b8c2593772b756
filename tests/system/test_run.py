"""`lbdisc run` on a folder of nodes, with a real HAProxy and traffic that counts every loss."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.haproxy.sockets.master import Master
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.processes import Process
from lbdisc.testing.waiting import eventually
from support.scene import LBDISC, Scene, lost


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Scene(tmp_path) as made:
        yield made


@pytest.fixture
def serving(scene: Scene) -> Scene:
    """An agent with s1 and s2 up."""
    scene.join("s1", "s2")
    scene.agent()
    scene.until_up("s1", "s2")
    return scene


def test_without_nodes_the_answer_is_503_and_the_balancer_is_up(scene: Scene) -> None:
    scene.agent()
    eventually(lambda: scene.servers() == {})
    with scene.traffic() as traffic:
        eventually(lambda: traffic.counts().no_node_yet > 10)
    assert lost(traffic) == []


def test_nodes_that_join_and_leave_cost_no_request(serving: Scene) -> None:
    with serving.traffic() as traffic:
        serving.join("s3", "s4")
        serving.until_up("s1", "s2", "s3", "s4")
        eventually(lambda: {"s3", "s4"} <= set(traffic.counts().nodes))
        serving.unlist("s1")
        serving.until_up("s2", "s3", "s4")
        eventually(lambda: "server s1 " not in serving.config)
    assert lost(traffic) == []
    assert traffic.counts().served > 0


def test_a_node_that_crashes_costs_no_request_that_may_be_repeated(serving: Scene) -> None:
    with serving.traffic() as traffic:
        eventually(lambda: traffic.counts().served > 50)
        serving.apps["s1"].kill()
        serving.until_up("s2")
        at = traffic.counts().nodes["s2"]
        eventually(lambda: traffic.counts().nodes["s2"] > at + 50)
    # An answer that was half sent when its node died cannot be taken back: all others can.
    assert [loss for loss in lost(traffic) if not loss.startswith("bad answer")] == []


def test_a_node_on_the_labs_own_line_is_served(scene: Scene) -> None:
    port = scene.app("s1")
    (scene.nodes / "s1").write_text(f"s1 127.0.0.1 {port}\n")
    scene.agent()
    scene.until_up("s1")


def test_a_crashed_haproxy_comes_back(serving: Scene) -> None:
    before = serving.haproxy_pid()
    os.kill(before, signal.SIGKILL)
    eventually(lambda: serving.haproxy_pid() not in (0, before), deadline=15)
    serving.until_up("s1", "s2")
    eventually(lambda: serving.status["counters"].get("drift", 0) >= 1)
    with serving.traffic() as traffic:
        eventually(lambda: traffic.counts().served > 50)
    assert lost(traffic) == []


def test_a_reload_by_someone_else_is_noticed_and_made_good(serving: Scene) -> None:
    Master(serving.state / "master.sock").reload()
    eventually(lambda: serving.status["counters"].get("drift", 0) >= 1)
    eventually(lambda: serving.status["in_step"])
    serving.until_up("s1", "s2")


def test_haproxy_serves_on_when_lbdisc_is_killed_and_is_taken_over(serving: Scene) -> None:
    with serving.traffic() as traffic:
        haproxy = serving.haproxy_pid()
        os.kill(serving.status["pid"], signal.SIGKILL)
        serving.join("s3")
        served = traffic.counts().served
        eventually(lambda: traffic.counts().served > served + 30)
        serving.agent()
        serving.until_up("s1", "s2", "s3")
        assert serving.haproxy_pid() == haproxy
    assert lost(traffic) == []


def test_a_broken_template_leaves_the_running_configuration(tmp_path: Path) -> None:
    template = tmp_path / "own.j2"
    export(tmp_path)
    (tmp_path / "haproxy.cfg.j2").rename(template)
    with Scene(tmp_path, jinja2={"template": str(template)}) as scene:
        scene.join("s1")
        agent = scene.agent()
        scene.until_up("s1")
        good = template.read_text()
        template.write_text("global\n{{ services[0].nme }}\n")
        agent.send(signal.SIGHUP)
        eventually(lambda: scene.status["settings_refused"])
        assert f"template {template}, line 2" in scene.status["settings_refused"]["error"]
        scene.join("s2")
        scene.until_up("s1", "s2")
        template.write_text(good)
        agent.send(signal.SIGHUP)
        eventually(lambda: scene.status["settings_refused"] is None)


def test_a_configuration_that_haproxy_refuses_is_shown_with_its_words(tmp_path: Path) -> None:
    template = tmp_path / "own.j2"
    export(tmp_path)
    (tmp_path / "haproxy.cfg.j2").rename(template)
    with Scene(tmp_path, jinja2={"template": str(template)}) as scene:
        scene.join("s1")
        agent = scene.agent()
        scene.until_up("s1")
        before = scene.config
        template.write_text(template.read_text() + "\nbackend odd\n    balence roundrobin\n")
        agent.send(signal.SIGHUP)
        eventually(lambda: scene.status["settings_refused"])
        error = scene.status["settings_refused"]["error"]
        assert "balence" in error
        assert "haproxy.cfg:" in error
        assert scene.config == before
        scene.join("s2")
        scene.until_up("s1", "s2")


def export(folder: Path) -> None:
    process = Process([LBDISC, "template", "export", folder], log=folder / "export.log")
    assert process.start().wait() == 0


def test_a_half_written_node_file_keeps_the_old_entry(serving: Scene) -> None:
    file = serving.nodes / "nodes" / "s2.json"
    whole = file.read_text()
    with serving.traffic() as traffic:
        file.write_text(whole[: len(whole) // 2])
        eventually(lambda: serving.status["problems"])
        assert str(file) in serving.status["problems"][0]["where"]
        assert set(serving.servers()) == {"s1", "s2"}
        file.write_text(whole)
        eventually(lambda: serving.status["problems"] == [])
    assert lost(traffic) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("evil.json", '{"address": "127.0.0.1\\n    server evil 127.0.0.1:9", "port": 80}'),
        ("evil.json", '{"address": "127.0.0.1 disabled", "port": 80}'),
        ("evil.json", '{"address": "127.0.0.1", "port": 0}'),
        ("evil.json", "{not json"),
        ("e vil.json", '{"address": "127.0.0.1", "port": 80}'),
        ("evil", "evil 127.0.0.1\n    server evil 127.0.0.1:9"),
    ],
)
def test_a_hostile_node_file_is_skipped_and_named(serving: Scene, name: str, content: str) -> None:
    folder = serving.nodes / "nodes" if name.endswith(".json") else serving.nodes
    (folder / name).write_text(content)
    eventually(lambda: serving.status["problems"])
    assert name in serving.status["problems"][0]["where"]
    serving.join("s3")
    serving.until_up("s1", "s2", "s3")
    assert "evil" not in serving.config


def test_sighup_rereads_settings_and_wrong_ones_change_nothing(serving: Scene) -> None:
    serving.write_settings(vars={"balance": "leastconn"})
    pid = serving.status["pid"]
    os.kill(pid, signal.SIGHUP)
    eventually(lambda: "balance leastconn" in serving.config)
    serving.settings.write_text("backnd = 1\n")
    os.kill(pid, signal.SIGHUP)
    eventually(lambda: "did you mean" in (serving.folder / "agent1.log").read_text())
    serving.join("s3")
    serving.until_up("s1", "s2", "s3")


def test_sigterm_stops_agent_and_managed_haproxy_soon(serving: Scene) -> None:
    pid = serving.haproxy_pid()
    os.kill(serving.status["pid"], signal.SIGTERM)
    eventually(lambda: not Path(f"/proc/{pid}").exists(), deadline=10)
    assert serving.haproxy_pid() == 0


def test_on_stop_leave_keeps_haproxy_serving(tmp_path: Path) -> None:
    with Scene(tmp_path, haproxy={"on_stop": "leave"}) as scene:
        scene.join("s1")
        agent = scene.agent()
        scene.until_up("s1")
        with scene.traffic() as traffic:
            assert agent.stop() == 0
            scene.agent()
            eventually(lambda: scene.status["in_step"])
            eventually(lambda: traffic.counts().served > 50)
        assert lost(traffic) == []


def test_an_attached_haproxy_is_reloaded_where_its_supervisor_runs_it(tmp_path: Path) -> None:
    with Scene(tmp_path, haproxy={"mode": "attached"}) as scene:
        scene.join("s1")
        agent = scene.agent(until_running=False)
        eventually(lambda: "server s1 " in scene.config)
        eventually(lambda: "no HAProxy answers" in str(scene.status["failure"]))
        config, master = scene.state / "haproxy.cfg", scene.state / "master.sock"
        command: list[str | Path] = ["haproxy", "-W", "-S", master, "-f", config]
        with Process(command, log=tmp_path / "haproxy.log", ready=master.exists) as haproxy:
            scene.until_up("s1")
            eventually(lambda: scene.status["in_step"])
            with scene.traffic() as traffic:
                scene.join("s2")
                scene.until_up("s1", "s2")
            assert lost(traffic) == []
            assert agent.stop() == 0
            assert haproxy.running


def test_once_applies_the_state_and_ends_while_haproxy_serves(scene: Scene) -> None:
    scene.join("s1")
    assert scene.lbdisc("run", "--once", name="once").wait() == 0
    scene.until_up("s1")
    assert "server s1 " in scene.config


def test_nodes_lists_what_the_registry_says(scene: Scene) -> None:
    scene.list("s1", 3000)
    nodes = scene.lbdisc("nodes", "--json")
    assert nodes.wait() == 0
    assert json.loads(nodes.log.read_text())["endpoints"][0]["name"] == "s1"


def test_the_service_manager_hears_of_ready_and_of_every_beat(scene: Scene) -> None:
    scene.list("s1", 3000)
    address = str(scene.folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(30)
        scene.agent(NOTIFY_SOCKET=address, WATCHDOG_USEC="600000")
        heard: list[bytes] = []
        while b"READY=1" not in heard or heard.count(b"WATCHDOG=1") < 3:
            heard.append(manager.recv(4096))


def test_the_log_tells_of_every_change_in_one_line(serving: Scene) -> None:
    serving.join("s3")
    serving.until_up("s1", "s2", "s3")
    log = serving.folder / "agent1.log"
    eventually(lambda: '"came": "nodes/s3' in log.read_text())
    [line] = [line for line in log.read_text().splitlines() if '"came": "nodes/s3' in line]
    found = json.loads(line)
    assert found["how"] == "runtime"
    assert found["generation"] >= 2
    assert found["ms"] > 0


def test_a_master_socket_that_was_removed_stops_neither_changes_nor_reloads(
    serving: Scene,
) -> None:
    with serving.traffic() as traffic:
        (serving.state / "master.sock").unlink()
        before = worker_of(serving)
        serving.join("s3")
        serving.until_up("s1", "s2", "s3")
        assert worker_of(serving) == before
        serving.write_settings(vars={"check": "GET /"})
        os.kill(serving.status["pid"], signal.SIGHUP)
        eventually(lambda: "option httpchk GET /" in serving.config)
        eventually(lambda: worker_of(serving) != before)
        serving.until_up("s1", "s2", "s3")
    assert lost(traffic) == []
    log = (serving.folder / "agent1.log").read_text()
    assert log.count("the master socket is gone") == 1


def worker_of(scene: Scene) -> int:
    with Runtime(str(scene.state / "haproxy.sock")) as runtime:
        return runtime.info().pid
