"""A real Prometheus scrapes real agents and HAProxies: what it counts, and what fires."""

import json
import socket
import subprocess
from pathlib import Path

import httpx
import pytest

from lbdisc.orders import order
from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from support.programs import Programs
from support.prometheus import CONTRIB, RULES, Prometheus, program
from support.scene import LBDISC, Scene
from support.scraping import answers, scraped


def promtool(*arguments: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [program("promtool"), *map(str, arguments)]
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60)


def expressions(board: object) -> list[str]:
    if isinstance(board, list):
        return [found for each in board for found in expressions(each)]
    if not isinstance(board, dict):
        return []
    own = [board["expr"]] if "expr" in board else []
    return own + [found for each in board.values() for found in expressions(each)]


def test_the_rules_are_good_and_fire_when_they_should() -> None:
    checked = promtool("check", "rules", RULES)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    tested = promtool("test", "rules", CONTRIB / "lbdisc.rules.test.yml")
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_what_an_agent_serves_passes_the_linter(tmp_path: Path) -> None:
    port = free_port()
    with Scene(tmp_path, metrics={"bind": str(port)}) as scene:
        scene.list("s1", 4711)
        scene.agent()
        text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    checked = promtool("check", "metrics", given=text)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_what_happens_is_counted_where_it_is_scraped(tmp_path: Path) -> None:
    port = free_port()
    with Scene(tmp_path, metrics={"bind": str(port)}, core={"services": ["nodes"]}) as scene:
        scene.join("s1")
        scene.agent()
        scene.until_up("s1")
        scene.join("s2")
        scene.until_up("s1", "s2")
        eventually(lambda: scraped(port)['lbdisc_endpoints{service="nodes",state="ready"}'] == 2)
        up = 'lbdisc_servers{service="nodes",state="up"}'
        eventually(lambda: scraped(port)[up] == 2, deadline=60)
        found = scraped(port)
    assert found["lbdisc_in_step"] == found["lbdisc_registry_connected"] == found["lbdisc_alive"]
    assert found["lbdisc_alive"] == 1
    assert found['lbdisc_applies_total{how="start",result="applied"}'] == 1
    assert found['lbdisc_applies_total{how="runtime",result="applied"}'] >= 1
    assert found["lbdisc_runtime_commands_total"] >= 2
    assert found['lbdisc_apply_duration_seconds_count{how="runtime"}'] >= 1


def test_alerts_fire_for_what_the_guard_holds_and_for_a_lost_registry(tmp_path: Path) -> None:
    port = free_port()
    core = {"services": ["nodes"]}
    with Scene(tmp_path, metrics={"bind": str(port)}, core=core) as scene:
        ports = {name: scene.app(name) for name in ("s1", "s2", "s3")}
        for name, its in ports.items():
            scene.list(name, its)
        scene.agent()
        scene.until_up("s1", "s2", "s3")
        with Prometheus(tmp_path / "prometheus", [f"127.0.0.1:{port}"]) as prometheus:
            eventually(lambda: prometheus.value("lbdisc_in_step") == 1, deadline=60)
            held = 'lbdisc_endpoints{state="held",service="nodes"}'
            assert prometheus.value(held) == 0
            assert prometheus.firing() == set()
            for name, its in ports.items():
                scene.list(name, its, ttl=1)  # nobody renews them
            eventually(lambda: "LbdiscGuardHolds" in prometheus.firing(), deadline=60)
            assert prometheus.value(held) == 3
            scene.nodes.rename(tmp_path / "elsewhere")
            eventually(lambda: "LbdiscRegistryLost" in prometheus.firing(), deadline=60)
            assert "LbdiscDown" not in prometheus.firing()
            (tmp_path / "elsewhere").rename(scene.nodes)
            eventually(lambda: "LbdiscRegistryLost" not in prometheus.firing(), deadline=60)


def test_every_expression_of_the_dashboard_is_understood(tmp_path: Path) -> None:
    board = json.loads((CONTRIB / "lbdisc-dashboard.json").read_text())
    with Prometheus(tmp_path / "prometheus", ["127.0.0.1:9"]) as prometheus:
        asked = expressions(board)
        assert len(asked) > 20
        for expression in asked:
            plain = expression.replace("$__rate_interval", "1m")
            prometheus.value(plain.replace("$job", ".*").replace("$instance", ".*"))


@pytest.mark.parametrize("bind", ["0.0.0.0:9105", "[::]:9105", "here:9105"])
def test_an_agent_that_would_serve_everybody_does_not_start(tmp_path: Path, bind: str) -> None:
    with Scene(tmp_path, metrics={"bind": bind}) as scene:
        command = [LBDISC, "run", "--config", str(scene.settings)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    (said,) = ended.stderr.strip().splitlines()
    assert "metrics" in said
    assert f"bind {bind}" in said or "is no place to listen" in said


def test_a_port_that_is_taken_is_said_in_one_line_and_the_agent_goes_on(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with Scene(tmp_path, metrics={"bind": str(port)}) as scene:
            scene.list("s1", 4711)
            agent = scene.agent()
            said = "metrics are not served, trying again"
            eventually(lambda: said in agent.log_tail(100_000))
            scene.list("s2", 4712)
            eventually(lambda: scene.status["generation"]["number"] == 2)
            other.close()
            eventually(lambda: answers(port), deadline=90)
            log = agent.log_tail(100_000)
    assert log.count(said) == 1


def test_another_bind_is_taken_at_the_next_start(tmp_path: Path) -> None:
    port = free_port()
    with Scene(tmp_path, metrics={"bind": str(port)}) as scene:
        scene.list("s1", 4711)
        agent = scene.agent()
        scene.write_settings(metrics={"bind": str(free_port())})
        scene.hup()
        taken = 'lbdisc_settings_rereads_total{result="taken"}'
        eventually(lambda: scraped(port)[taken] == 1)
        assert "[metrics]" in agent.log_tail(100_000)


def test_an_instance_is_scraped_at_a_door_of_its_own(tmp_path: Path) -> None:
    port = free_port()
    settings = {"backend": "file", "file.dir": tmp_path, "metrics.register_bind": port}
    with Programs(tmp_path, settings) as programs:
        node = programs.node("s1")
        node.until("registered")
        eventually(lambda: httpx.get(f"http://127.0.0.1:{port}/readyz").text == "ok\n")
        renewed = 'lbdisc_register_renewals_total{result="renewed"}'
        eventually(lambda: scraped(port)[renewed] > 0, deadline=60)
        assert scraped(port)['lbdisc_register_state{state="registered"}'] == 1


def test_what_an_operator_does_is_scraped(tmp_path: Path) -> None:
    port = free_port()
    with Scene(tmp_path, metrics={"bind": str(port)}) as scene:
        scene.list("s1", 4711)
        scene.agent()
        assert order(scene.state, "pause", why="a look").done
        eventually(lambda: scraped(port)["lbdisc_paused"] == 1)
        scene.list("s2", 4712)
        eventually(lambda: scraped(port)["lbdisc_in_step"] == 0)
        assert order(scene.state, "resume").done
        eventually(lambda: scraped(port)["lbdisc_in_step"] == 1)
        assert scraped(port)["lbdisc_paused"] == 0


def test_secrets_reach_neither_metrics_nor_log(tmp_path: Path) -> None:
    port = free_port()
    metrics = {"bind": str(port), "token": "dGhpcyBpcyBzZWNyZXQ"}
    with Scene(tmp_path, metrics=metrics) as scene:
        scene.list("s1", 4711)
        agent = scene.agent()
        url = f"http://127.0.0.1:{port}/metrics"
        assert httpx.get(url).status_code == 401
        headers = {"Authorization": f"Bearer {metrics['token']}"}
        answer = httpx.get(url, headers=headers)
        assert answer.status_code == 200
        assert metrics["token"] not in answer.text + agent.log_tail(1_000_000)
