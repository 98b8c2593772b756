"""What HAProxy tells of its environment, and what its configuration may ask of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.builtin.jinja2.renderer import TEMPLATES
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.waiting import eventually
from support.attached import Attached
from support.haproxies import VERSIONS, Place, place
from support.scene import Scene

ODD = "global\n.if defined(LBDISC_LOG_LEVEL)\n  nonsense\n.endif\n"


@pytest.fixture(params=VERSIONS)
def here(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param) as found:
        yield found


def environment(path: Path) -> str:
    """What its admin CLI says."""
    with Runtime(str(path)) as runtime:
        return str(runtime.ask("show env"))


def test_a_managed_haproxy_has_no_secret_of_lbdisc_in_its_environment(
    here: Place, tmp_path: Path
) -> None:
    with Scene(tmp_path, haproxy={"binary": here.binary}) as scene:
        scene.agent(LBDISC_ETCD_USER="u", LBDISC_ETCD_PASSWORD="hunter2", NOTIFY_SOCKET="/nowhere")
        told = environment(scene.state / "haproxy.sock")
    assert "hunter2" not in told
    assert "LBDISC_" not in told
    assert "NOTIFY_SOCKET" not in told
    assert "PATH=" in told


def test_what_is_passed_on_counts_for_the_check_and_for_haproxy(tmp_path: Path) -> None:
    passed = ["LBDISC_LOG_LEVEL"]
    with Scene(tmp_path, haproxy={"pass_environment": passed}) as scene:
        scene.agent(LBDISC_LOG_LEVEL="debug")
        assert "LBDISC_LOG_LEVEL=debug" in environment(scene.state / "haproxy.sock")


def test_a_configuration_that_asks_for_a_variable_is_checked_with_what_haproxy_has(
    tmp_path: Path,
) -> None:
    with Scene(tmp_path) as scene:
        (tmp_path / "usual.j2").write_text((TEMPLATES / "haproxy.cfg.j2").read_text())
        own = tmp_path / "own.j2"
        own.write_text(f"{ODD}{{% include 'usual.j2' %}}")
        scene.write_settings(jinja2={"template": str(own)})
        scene.agent(LBDISC_LOG_LEVEL="debug")
        assert ODD in scene.config


def test_a_haproxy_that_was_started_with_secrets_is_told_of(tmp_path: Path) -> None:
    with Attached(tmp_path) as site:
        site.serve("a")
        site.enlist("a")
        site.haproxy(LBDISC_ETCD_PASSWORD="hunter2")
        said = site.agent().log
        eventually(lambda: "lbdisc's secrets in its environment" in said.read_text())
        assert "LBDISC_ETCD_PASSWORD" in said.read_text()
        assert "hunter2" not in said.read_text()
