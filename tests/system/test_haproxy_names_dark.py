"""Name servers that are silent: nobody waits for them but who has a new name."""

import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lbdisc.testing.waiting import eventually
from support.name_server import NameServer, machines_own
from support.own_template import OWN_TEMPLATE
from support.scene import Scene, lost

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a resolv.conf of one's own takes root")


@pytest.fixture
def names(tmp_path: Path) -> Iterator[tuple[Scene, NameServer]]:
    """A scene whose node `h1` has a host name, and runs."""
    with machines_own(tmp_path) as (server, prefix), Scene(tmp_path) as scene:
        scene.prefix = prefix
        run(scene, server)
        yield scene, server


def run(scene: Scene, server: NameServer, **tables: Mapping[str, Any]) -> None:
    """An agent that has the node `h1`; `h2` has a name, too."""
    quick = {"haproxy": {"settle_after": 0.5}, "agent": {"min_reload_interval": 0.2}}
    scene.write_settings(**quick, **tables)
    server.names = {f"h{number}.test": ["127.0.0.1"] for number in (1, 2)}
    scene.list("h1", scene.app("h1"), address="h1.test")
    scene.agent()
    scene.until_up("h1")


def start_in_the_dark(scene: Scene, server: NameServer) -> None:
    """Another HAProxy, when the last addresses are known and nobody answers; until it has `h1`."""
    eventually((scene.state / "names.state").exists)
    server.mood = "silent"
    before = scene.haproxy_pid()
    os.kill(before, signal.SIGKILL)
    eventually(lambda: scene.haproxy_pid() not in (0, before), what="another HAProxy")
    scene.until_up("h1")


def test_others_come_and_go_and_the_file_follows(names: tuple[Scene, NameServer]) -> None:
    scene, server = names
    with scene.traffic() as traffic:
        server.mood = "silent"
        scene.join("s1")
        scene.until_up("h1", "s1")
        eventually(lambda: "server s1 " in scene.config, deadline=8, what="the file")
        scene.join("s2")
        scene.until_up("h1", "s1", "s2")
        scene.unlist("s1")
        eventually(lambda: "server s1 " not in scene.config, deadline=8, what="the file")
    assert lost(traffic) == []


def test_a_reload_in_the_dark_keeps_the_address(names: tuple[Scene, NameServer]) -> None:
    scene, server = names
    with scene.traffic() as traffic:
        server.mood = "silent"
        scene.write_settings(vars={"maxconn": 999})
        scene.hup()
        eventually(lambda: "maxconn 999" in scene.config, deadline=8, what="the reload")
        scene.until_up("h1")
    assert lost(traffic) == []


def test_a_new_name_waits_alone_and_comes_when_it_is_found(names: tuple[Scene, NameServer]) -> None:
    scene, server = names
    server.mood = "silent"
    scene.list("h2", scene.app("h2"), address="h2.test")
    said = "no name server answers for host name 'h2.test'"
    eventually(lambda: said in (scene.state / "status.json").read_text(), what="a problem")
    scene.join("s1")
    scene.until_up("h1", "s1")
    server.mood = "answers"
    scene.until_up("h1", "h2", "s1")


def test_a_name_that_nobody_has_keeps_nobody_out(names: tuple[Scene, NameServer]) -> None:
    scene, server = names
    scene.list("nobody", 80, address="nobody.test")
    scene.join("s1")
    scene.until_up("h1", "s1")
    server.names["nobody.test"] = ["127.0.0.1"]
    eventually(lambda: "MAINT" not in scene.servers()["nobody"], what="a name that came later")


def test_a_haproxy_that_starts_in_the_dark_has_the_last_address(
    names: tuple[Scene, NameServer],
) -> None:
    scene, server = names
    start_in_the_dark(scene, server)


@pytest.fixture(params=["global", "none"])
def must(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Scene, NameServer]]:
    """A scene whose template has host names that HAProxy must find, by libc; with state or not."""
    with machines_own(tmp_path) as (server, prefix), Scene(tmp_path) as scene:
        template = tmp_path / "own.j2"
        load = f"load-server-state-from-file {request.param}\n    option idle-close-on-response"
        template.write_text(OWN_TEMPLATE.replace("load-server-state-from-file global", load))
        scene.prefix = prefix
        run(scene, server, jinja2={"template": str(template)})
        yield scene, server


def test_names_that_must_be_found_hold_up_nobody(must: tuple[Scene, NameServer]) -> None:
    scene, server = must
    with scene.traffic() as traffic:
        server.mood = "silent"
        scene.list("h2", scene.app("h2"), address="h2.test")
        scene.join("s1")
        scene.until_up("h1", "s1")
        eventually(lambda: "server s1 " in scene.config, deadline=8, what="the file")
        server.mood = "answers"
        scene.until_up("h1", "h2", "s1")
    assert lost(traffic) == []


@pytest.mark.parametrize("must", ["none"], indirect=True)
def test_a_reload_that_could_only_fail_is_not_tried(must: tuple[Scene, NameServer]) -> None:
    scene, server = must
    server.mood = "silent"
    with scene.traffic() as traffic:
        scene.join("s1")
        scene.until_up("h1", "s1")
        scene.list("s1", scene.app("other"), tags={"x": "maxconn 7"})
        eventually(lambda: "no reload would succeed" in str(scene.status["failure"]), what="why")
        assert scene.haproxy_pid()
    assert lost(traffic) == []


@pytest.mark.parametrize("must", ["global"], indirect=True)
def test_a_name_that_must_be_found_has_its_last_address_at_a_start(
    must: tuple[Scene, NameServer],
) -> None:
    scene, server = must
    start_in_the_dark(scene, server)
