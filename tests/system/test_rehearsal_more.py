"""More that wakes people up: `lbdisc status` says each in words that docs/on-call.md knows."""

import socket
from contextlib import closing

import pytest

from lbdisc.testing.processes import Process, free_port
from support.asking import Asker
from support.on_call import DEGRADED, FAILED, GOOD, agent, known, scene
from support.stage import Slow, Stage

__all__ = ["agent", "scene"]
pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def on_call(scene: Stage, agent: Process) -> Asker:
    return Asker(scene.settings, scene.page)


def test_a_port_is_taken(scene: Stage, on_call: Asker) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        binds = [f"127.0.0.1:{scene.port}", f"127.0.0.1:{port}"]
        scene.change(vars={"http_bind": binds})
        words = known("is taken by another process")
        told = on_call.until("status", FAILED, "not in step for ", f"port {port} {words}")
    assert "NotLoaded" in told.line
    on_call.until("status", GOOD, "good: in step, ")


def test_a_start_with_a_bad_template_serves_on_with_the_old_one(
    scene: Stage, agent: Process, on_call: Asker
) -> None:
    agent.kill()
    bad = scene.folder / "bad.cfg.j2"
    bad.write_text("global\nfrontend f\n    bindd 127.0.0.1:1\n")
    scene.write_settings(jinja2={"template": str(bad)})
    scene.agent(until_running=False)
    words = known("CheckError: HAProxy refuses the configuration: parsing [/")
    kept = known("no endpoint is at fault; the refused text is kept as /")
    on_call.until("status", FAILED, "not in step for ", words, "haproxy.cfg:3] ", kept)
    scene.until_up("s1")


def test_an_entry_is_skipped(scene: Stage, on_call: Asker) -> None:
    scene.list("s9", 70000)
    on_call.until("status", GOOD, "skipped: /", known("nodes/s9.json: bad port 70000: "))


def test_a_node_has_the_wrong_address(scene: Stage) -> None:
    scene.agent(LBDISC_ENDPOINTS_ALLOW="127.0.0.1/32")
    scene.list("s5", 3000, address="127.0.0.9")
    words = known(" is a loopback address: allowed only where endpoints.allow names ")
    Asker(scene.settings, scene.page).until("status", GOOD, f"skipped: nodes/s5: 127.0.0.9{words}")


def test_an_old_worker_stays(scene: Stage, on_call: Asker) -> None:
    with Slow() as slow:
        scene.list("s2", slow.port)
        scene.until_up("s1", "s2")
        slow.keep_busy(scene.port)
        scene.change(vars={"stats_bind": f"127.0.0.1:{free_port()}"})
        words = known("old processes of the load balancer finish what they have (does not count)")
        on_call.until("status", GOOD, f"1 {words}")


def test_a_pause_is_forgotten(on_call: Asker) -> None:
    on_call.ask("pause --why deploy")
    told = on_call.until("status", DEGRADED, known("degraded: paused by "))
    assert ": deploy; " in told.line


def test_nobody_is_there_to_take_an_order(agent: Process, on_call: Asker) -> None:
    agent.stop()
    told = on_call.ask("drain nodes/s1")
    assert (told.code, known("no agent answers in state_dir ") in told.text) == (FAILED, True)
