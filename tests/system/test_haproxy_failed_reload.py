"""What HAProxy cannot load is tried once; who comes and goes is served all the same."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from lbdisc.testing.processes import Process
from lbdisc.testing.waiting import eventually
from support.attached import SERVERS, Attached


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Attached]:
    with Attached(tmp_path) as made:
        made.serve("a", "b", "c")
        made.enlist("a", "b", "c")
        yield made


@contextmanager
def nothing_loads(scene: Attached) -> Iterator[None]:
    """A bind that passes the check and that another has, where no probe of ours can tell."""
    with socket.create_server(("127.0.0.2", scene.port)):
        bad = scene.text(SERVERS).replace(f"127.0.0.1:{scene.port}", f"*:{scene.port}")
        scene.template.write_text(bad)
        yield


def served(scene: Attached) -> set[str]:
    """Who answers now."""
    with scene.traffic() as traffic:
        eventually(lambda: traffic.counts().requests > 30, what="requests")
    return set(traffic.counts().nodes)


@pytest.fixture
def agent(scene: Attached) -> Process:
    """In step, with a and b."""
    scene.haproxy()
    agent = scene.agent()
    scene.until_in_step()
    scene.unlist("c")
    eventually(lambda: served(scene) == {"a", "b"}, what="a leave")
    return agent


def test_it_is_tried_once_and_joins_and_leaves_go_on(scene: Attached, agent: Process) -> None:
    worker = scene.worker
    with nothing_loads(scene):
        scene.reread(agent)
        scene.until_refused("Try 1 took")
        scene.enlist("c")
        eventually(lambda: "c" in served(scene), what="a request to c")
        scene.unlist("a")
        eventually(lambda: "a" not in served(scene), what="no request to a")
        scene.until_refused("Try 1 took")
        assert scene.worker == worker
        assert scene.status["in_step"] is False


def test_the_next_sighup_tries_again(scene: Attached, agent: Process) -> None:
    worker = scene.worker
    with nothing_loads(scene):
        scene.reread(agent)
        scene.until_refused("Try 1 took")
    scene.reread(agent)
    scene.until_in_step()
    assert scene.worker != worker


def test_a_restart_tries_nothing_and_serves_who_comes(scene: Attached, agent: Process) -> None:
    worker = scene.worker
    with nothing_loads(scene):
        scene.reread(agent)
        scene.until_refused("Try 1 took")
        agent.stop()
        scene.enlist("c")
        scene.agent()
        eventually(lambda: "c" in served(scene), what="a request to c")
        scene.until_refused("Try 1 took")
        assert scene.worker == worker


def test_an_address_that_gets_free_is_taken_without_being_asked(
    scene: Attached, agent: Process
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        more = f"peers fleet\n    peer here 127.0.0.1:{taken.getsockname()[1]}\n"
        text = scene.text(SERVERS).replace("defaults", f"    localpeer here\n{more}defaults", 1)
        scene.template.write_text(text)
        with scene.traffic() as traffic:
            scene.reread(agent)
            scene.until_refused("peer here")
            scene.enlist("c")
            eventually(lambda: "c" in served(scene), what="a request to c")
    scene.until_in_step()
    assert "peers fleet" in scene.config.read_text()
    assert traffic.counts().lost == 0


def test_a_haproxy_that_ends_with_its_new_worker_is_started_as_it_was(tmp_path: Path) -> None:
    with Attached(tmp_path) as scene:
        scene.set(haproxy={"mode": "managed", "on_stop": "stop"})
        scene.serve("a", "b", "c")
        scene.config.unlink()
        scene.enlist("a", "b")
        agent = scene.agent()
        scene.until_in_step()
        # A folder that is not there passes the check, and nothing loads.
        text = scene.text(SERVERS).replace("global", f"global\n    chroot {tmp_path}/none", 1)
        scene.template.write_text(text)
        scene.reread(agent)
        scene.until_refused("Try 1 took")
        os.kill(scene.worker, signal.SIGKILL)
        scene.enlist("c")
        eventually(lambda: "c" in answering(scene), what="a request to c")
        scene.until_refused("Try 1 took")


def answering(scene: Attached) -> set[str]:
    with suppress(OSError, AssertionError):
        return served(scene)
    return set()
