"""Ten incidents, made for real: two commands at most say what it is, and so does the page."""

import re
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pytest

from lbdisc.haproxy.sockets import commands as cmd
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.processes import free_port
from support.asking import Asker
from support.disk import Disk
from support.on_call import DEGRADED, FAILED, GOOD, MOST
from support.stage import Slow, Stage

# A program is started for each look: a busy machine takes a while.
pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as made:
        for name in ("s1", "s2"):
            made.list(name, made.app(name), owner="a registrar")  # gone without a word is a loss
        yield made


@pytest.fixture
def on_call(scene: Stage) -> Iterator[Asker]:
    """All is well when it begins; who is on call has asked twice at most when it is clear."""
    scene.agent()
    scene.until_up("s1", "s2")
    made = Asker(scene.settings, scene.page)
    made.until("status", GOOD, "good: in step, ", "2 of 2 servers up")
    made.asked.clear()
    yield made
    assert len(made.asked) <= MOST


def test_the_registry_is_lost(scene: Stage, on_call: Asker) -> None:
    scene.nodes.rename(scene.folder / "away")
    told = on_call.until("status", DEGRADED, "registry file lost for ", "(since 20")
    assert told.line.startswith("degraded: registry file lost for ")
    assert "No such file or directory" in told.line
    on_call.until_on_page("degraded: registry file lost for ")
    scene.until_up("s1", "s2")


def test_the_guard_holds(scene: Stage, on_call: Asker) -> None:
    scene.unlist("s1")
    scene.unlist("s2")
    told = on_call.until("status", DEGRADED, "the guard holds 2: nodes/s1 (since ")
    assert "2 of 2 vanished" in told.line
    assert "UNTIL" in on_call.until("guard", GOOD, "nodes", "2 of 2 vanished", "up").line
    on_call.until_on_page("degraded: the guard holds 2: nodes/s1 (since ")
    scene.until_up("s1", "s2")


def test_the_template_is_bad(scene: Stage, on_call: Asker) -> None:
    bad = scene.folder / "bad.cfg.j2"
    bad.write_text("global\nfrontend f\n    bindd 127.0.0.1:1\n")
    scene.change(jinja2={"template": str(bad)})
    told = on_call.until("status", GOOD, "settings refused: HAProxy refuses the configuration")
    assert "(the old ones stay)" in told.text
    told = on_call.until("doctor", FAILED, "fail  template", "haproxy.cfg:3", "'bindd'")
    on_call.until_on_page("settings refused: HAProxy refuses the configuration")
    scene.until_up("s1", "s2")


def test_the_disk_is_full(tmp_path: Path) -> None:
    if not Disk.possible():
        pytest.skip("only root may mount")
    (tmp_path / "state").mkdir()
    with closing(Disk(tmp_path / "state")) as disk, Stage(tmp_path) as scene:
        scene.join("s1")
        scene.agent()
        scene.until_up("s1")
        on_call = Asker(scene.settings, scene.page)
        disk.fill()
        scene.join("s2")
        told = on_call.until("status", FAILED, "cannot write its state since ")
        assert "No space left on device" in told.line
        on_call.until_on_page("failed: cannot write its state since ", "No space left on device")


def test_a_node_flaps(scene: Stage, on_call: Asker) -> None:
    over, ports = Event(), (scene.app("s3"), free_port())

    def flap() -> None:
        turn = 0
        while not over.wait(0.03):
            scene.list("s3", ports[turn := 1 - turn])

    thread = Thread(target=flap)
    thread.start()
    try:
        on_call.until("status", GOOD, "changes wait: nodes/s3 flaps since 20")
        on_call.until("why s3", GOOD, "It changes without end since ")
        on_call.until_on_page("changes wait: nodes/s3 flaps since 20")
    finally:
        over.set()
        thread.join()


def test_a_drain_goes_on_for_ever(scene: Stage, on_call: Asker) -> None:
    with Slow() as slow:
        node = scene.register("s3", slow.port)
        scene.until_up("s1", "s2", "s3")
        slow.keep_busy(scene.port)
        node.send(signal.SIGTERM)
        told = on_call.until("status", GOOD, "draining")
        assert any("s3" in line and "draining" in line for line in told.text.splitlines())
        told = on_call.until("nodes --agents", GOOD, "WAITS FOR", "draining")
        row = next(line for line in told.text.splitlines() if " s3 " in line)
        assert row.split()[-1] == "lb1"
        on_call.until_on_page('"waits_for": ["lb1"]')


def test_somebody_edits_haproxy_by_hand(scene: Stage, on_call: Asker) -> None:
    with Runtime(str(scene.state / "haproxy.sock")) as runtime:
        runtime.run((cmd.SetWeight("nodes", "s1", 1),))
    told = on_call.until("status", GOOD, "drift=1", "by reload at ")
    assert re.search(r"^because of +drift$", told.text, re.MULTILINE)
    on_call.until("history", GOOD, "server nodes/s1 has weight 1 instead of 100")
    on_call.until_on_page("server nodes/s1 has weight 1 instead of 100")


def test_a_second_agent_is_started(scene: Stage, on_call: Asker) -> None:
    pid = scene.status["pid"]
    told = on_call.ask("run")
    assert told.code == FAILED
    assert f"another lbdisc uses state_dir {scene.state} (process {pid}): stop it" in told.text
    on_call.until("status", GOOD, "2 of 2 servers up", f"running (process {pid}")
    on_call.until_on_page(f'"pid": {pid}')


def test_all_servers_are_down(scene: Stage, on_call: Asker) -> None:
    for app in scene.apps.values():
        app.kill()
    told = on_call.until("status", DEGRADED, "service nodes: 0 of 2 up: ")
    assert "connection refused" in told.line
    on_call.until("why s1", GOOD, "The load balancer has it down since ", "connection refused")
    on_call.until_on_page("degraded: service nodes: 0 of 2 up: connection refused")


def test_the_prefix_is_wrong(scene: Stage, on_call: Asker) -> None:
    (scene.folder / "nodez").mkdir()
    scene.change(file={"dir": str(scene.folder / "nodez")})
    told = on_call.until("status", DEGRADED, "the guard holds 2: ", "2 of 2 vanished")
    assert "service nodes has no endpoint" not in told.text
    assert "s1" not in on_call.ask("nodes").text
    on_call.until_on_page("2 of 2 vanished")
    scene.until_up("s1", "s2")
