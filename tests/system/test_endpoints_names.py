"""Host names in records are allowed by what they lead to, and hold up nobody."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from support.name_server import NameServer, machines_own
from support.scene import Scene

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a resolv.conf of one's own takes root")
BAD = "127.0.0.9"  # nobody may be there in these tests


@pytest.fixture
def names(tmp_path: Path) -> Iterator[tuple[Scene, NameServer]]:
    """A scene whose node `s1` is up, with a name server of its own."""
    tables = {"endpoints": {"deny": [BAD]}}
    with machines_own(tmp_path) as (server, prefix), Scene(tmp_path, **tables) as scene:
        scene.prefix = prefix
        scene.join("s1")
        scene.agent()
        scene.until_up("s1")
        yield scene, server


def said(scene: Scene, text: str) -> bool:
    return any(text in problem["what"] for problem in scene.status["problems"])


def test_a_name_that_leads_where_nobody_may_be_is_never_a_server(
    names: tuple[Scene, NameServer],
) -> None:
    scene, server = names
    server.names["evil.test"] = ["127.0.0.1", BAD]
    scene.list("evil", free_port(), address="evil.test")
    eventually(lambda: said(scene, f"host name evil.test leads to {BAD}"), what="the problem")
    assert "evil" not in scene.config


def test_a_name_that_leads_elsewhere_later_goes_and_stays_out(
    names: tuple[Scene, NameServer],
) -> None:
    scene, server = names
    server.names["rebinding.test"] = ["127.0.0.1"]
    scene.list("evil", scene.app("evil"), address="rebinding.test")
    scene.until_up("s1", "evil")
    server.names["rebinding.test"] = [BAD]
    eventually(lambda: said(scene, f"leads to {BAD}"), deadline=30, what="the problem")
    scene.until_up("s1")
    server.names["rebinding.test"] = ["127.0.0.1"]
    scene.join("s2")
    scene.until_up("s1", "s2")
    assert said(scene, f"leads to {BAD}")


def test_silent_names_hold_up_neither_joins_nor_leaves(names: tuple[Scene, NameServer]) -> None:
    scene, server = names
    server.mood = "silent"
    for number in range(3):
        scene.list(f"dark{number}", 80, address=f"dark{number}.test")
    port = scene.app("s2")
    began = time.monotonic()
    scene.list("s2", port)
    eventually(lambda: "s2" in scene.servers(), what="the join")
    scene.unlist("s1")
    eventually(lambda: scene.servers().get("s1", "MAINT").startswith("MAINT"), what="the leave")
    assert time.monotonic() - began < 60, "a name server's patience is no part of it"
    eventually(lambda: said(scene, "no name server answers for host name 'dark2.test'"))


def test_what_the_load_balancer_itself_finds_for_a_name_counts(
    names: tuple[Scene, NameServer],
) -> None:
    scene, server = names
    server.names["rebinding.test"] = ["127.0.0.1"]
    scene.list("evil", scene.app("evil"), address="rebinding.test")
    scene.until_up("s1", "evil")
    with Runtime(str(scene.state / "haproxy.sock")) as runtime:
        runtime.ask(f"set server nodes/evil addr {BAD}")  # as by an answer that nobody else got
    eventually(lambda: said(scene, f"leads to {BAD}"), what="the problem")
    scene.until_up("s1")
