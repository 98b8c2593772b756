"""SIGHUP: what `config check` would refuse is refused, and the agent goes on with what it had."""

import os
import signal
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lbdisc.testing.waiting import eventually
from support.scene import Scene
from support.scripts import script

DEFAULT = Path(__file__).parents[2] / "templates" / "haproxy.cfg.j2"


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Scene]:
    """An agent with s1 up."""
    with Scene(tmp_path) as scene:
        scene.join("s1")
        scene.agent()
        scene.until_up("s1")
        yield scene


def hup(scene: Scene, **tables: Mapping[str, Any]) -> None:
    scene.write_settings(**tables)
    os.kill(scene.status["pid"], signal.SIGHUP)


def refusal(scene: Scene) -> str:
    """Why the settings were refused, once they were; joins go on all the same."""
    eventually(lambda: scene.status["settings_refused"])
    scene.join("s2")
    scene.until_up("s1", "s2")
    return str(scene.status["settings_refused"]["error"])


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"core": {"services": "web"}}, "bad setting services"),
        ({"core": {"services": ["web", "web"]}}, "'web' is there twice"),
        ({"core": {"backend": "consul"}}, "no plugin offers the discovery 'consul'"),
        ({"vars": {"chek": "HEAD /"}}, "did you mean 'check'?"),
        ({"file": {"dir": "/nonexistent/nodes"}}, "file.dir"),
        ({"haproxy": {"binary": "no-such-haproxy"}}, "haproxy.binary"),
        ({"vars": {"balance": "fastest"}}, "HAProxy refuses"),
        ({"endpoints": {"deny": ["127.0.0.1"]}}, "would refuse all 1 of nodes that are served"),
        ({"endpoints": {"ports": ["1"]}}, "is none of endpoints.ports"),
    ],
)
def test_what_config_check_refuses_changes_nothing(
    serving: Scene, tables: dict[str, Mapping[str, Any]], words: str
) -> None:
    hup(serving, **tables)
    assert words in refusal(serving)
    hup(serving, vars={"balance": "leastconn"})
    eventually(lambda: "balance leastconn" in serving.config)
    assert serving.status["settings_refused"] is None


def test_a_template_that_fails_for_what_is_served_is_refused(serving: Scene) -> None:
    template = serving.folder / "own.j2"
    strict = "{{ fail('no s1') if endpoint.name == 's1' else endpoint.name }}"
    template.write_text(DEFAULT.read_text().replace("{{ endpoint.name }}", strict))
    hup(serving, jinja2={"template": str(template)})
    error = refusal(serving)
    assert "with the endpoints that are served" in error
    assert "no s1" in error


def test_a_registry_that_does_not_answer_is_not_taken_for_one_that_does(serving: Scene) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead = f"127.0.0.1:{taken.getsockname()[1]}"
    hup(serving, core={"backend": "etcd"}, etcd={"endpoints": [dead]})
    assert "etcd" in refusal(serving)
    assert serving.status["registry"] == "ok"


def test_a_registry_that_is_lost_is_left_for_any_other(serving: Scene) -> None:
    # In one step: a file that is removed before its folder is one that left.
    serving.nodes.rename(serving.folder / "lost")
    eventually(lambda: serving.status["registry"] == "lost")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead = f"127.0.0.1:{taken.getsockname()[1]}"
    hup(serving, core={"backend": "etcd"}, etcd={"endpoints": [dead]})
    eventually(lambda: serving.status["backend"] == "etcd")
    serving.until_up("s1")


def test_other_services_are_taken(serving: Scene) -> None:
    hup(serving, core={"services": ["nodes", "api"]})
    eventually(lambda: "backend api" in serving.config)
    serving.until_up("s1")


def test_a_check_that_takes_long_holds_up_no_join(serving: Scene) -> None:
    """The program that checks waits for a file of the test's."""
    go = serving.folder / "go"
    text = f'#!/bin/sh\nwhile [ ! -e {go} ]; do sleep 0.05; done\nexec haproxy "$@"\n'
    slow = script(serving.folder / "slow-haproxy", text)
    hup(serving, haproxy={"binary": slow}, vars={"balance": "leastconn"})
    serving.join("s2")
    serving.until_up("s1", "s2")
    assert "leastconn" not in serving.config
    go.touch()
    eventually(lambda: "balance leastconn" in serving.config)


def test_status_names_the_refusal(serving: Scene) -> None:
    hup(serving, vars={"chek": "HEAD /"})
    eventually(lambda: serving.status["settings_refused"])
    serving.write_settings()
    serving.lbdisc("status", name="status").wait()
    assert "did you mean 'check'?" in (serving.folder / "status.log").read_text()


def test_refused_settings_do_not_even_change_the_log(serving: Scene) -> None:
    hup(serving, log={"level": "error"}, vars={"chek": "HEAD /"})
    refusal(serving)
    log = serving.folder / "agent1.log"
    eventually(lambda: "nodes/s2@" in log.read_text(), what="the join in the log")
