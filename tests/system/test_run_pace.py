"""`lbdisc run` while changes never pause: what it owes the load balancer comes all the same."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from lbdisc.haproxy.sockets import commands as cmd
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from support.own_template import OWN_TEMPLATE
from support.scene import Scene

EVERY = 0.3  # seconds between two changes, less than between two looks


@contextmanager
def changing(scene: Scene, **parts: object) -> Iterator[None]:
    """One node more, again and again; none of them answers."""
    over, port = Event(), free_port()

    def change() -> None:
        number = 0
        while not over.wait(EVERY):
            number += 1
            scene.list(f"x{number}", port, **{"address": f"127.1.0.{number % 250}", **parts})

    thread = Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_changes_without_a_pause_put_off_neither_repairs_nor_the_settling_reload(
    tmp_path: Path,
) -> None:
    with Scene(tmp_path, agent={"verify_every": 2}, haproxy={"settle_after": 0.5}) as scene:
        scene.join("s1")
        scene.agent()
        scene.until_up("s1")
        with changing(scene), Runtime(str(scene.state / "haproxy.sock")) as runtime:
            wanted = 0 if runtime.features().reuses_connections else 1
            runtime.run([cmd.SetState("nodes", "s1", "maint")])
            eventually(lambda: scene.servers()["s1"].startswith("UP"), deadline=10, what="s1 up")
            assert scene.status["counters"]["drift"] == 1
            eventually(lambda: scene.status["counters"].get("tended_reload", 0) >= wanted)


def test_a_haproxy_that_dies_while_what_comes_is_refused_without_a_pause_is_started_again(
    tmp_path: Path,
) -> None:
    template = tmp_path / "own.j2"
    template.write_text(OWN_TEMPLATE)
    with Scene(tmp_path, jinja2={"template": str(template)}) as scene:
        scene.join("s1")
        scene.agent()
        scene.until_up("s1")
        with changing(scene, tags={"x": "no-such-keyword"}):
            eventually(lambda: len(scene.status["problems"]) > 2, what="refusals")
            before = scene.haproxy_pid()
            os.kill(before, signal.SIGKILL)
            eventually(lambda: scene.haproxy_pid() not in (0, before), deadline=10)
            scene.until_up("s1")
