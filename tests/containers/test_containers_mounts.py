"""Who the images may be run as, and whose the folders may be that are mounted."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from lbdisc.testing.waiting import eventually
from lbdisc_lab.containers.backends import IMAGE, backend
from lbdisc_lab.containers.container import Container, Run
from lbdisc_lab.containers.docker import DockerError
from lbdisc_lab.containers.engine import Engine
from lbdisc_lab.containers.site import Site
from support.container_sites import until_said

ANOTHER = ("--user", "1234")


def ha(*options: str) -> Run:
    return Run(image=IMAGE.format("ha"), name="ha", options=options)


def until_it_serves(container: Container) -> None:
    until_said(container, "registry answers")
    eventually(lambda: healthy(container), deadline=60)


def healthy(container: Container) -> bool:
    with suppress(DockerError):
        return container.execute("/usr/lib/lbdisc/healthy").startswith("HAProxy serves; ")
    return False


def at(path: str, folder: Path) -> tuple[str, str]:
    return ("--volume", f"{folder}:{path}")


def test_another_user_without_a_run_is_told_of_it(engine: Engine) -> None:
    container = engine.run(ha(*ANOTHER))
    eventually(lambda: not container.running, deadline=60)
    assert "user 1234 cannot write to /run/lbdisc: start with --tmpfs /run" in container.logs()


def test_another_user_with_a_run_and_a_state_is_served(engine: Engine, tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 1234)
    state = at("/var/lib/lbdisc", tmp_path)
    until_it_serves(engine.run(ha(*ANOTHER, "--tmpfs", "/run", *state)))


def test_a_state_that_is_another_users_is_named(engine: Engine, tmp_path: Path) -> None:
    container = engine.run(ha(*at("/var/lib/lbdisc", tmp_path)))
    until_said(container, "mount a volume there that user 900 may write to")


def test_a_state_that_all_may_write_serves_as_the_images_trust_it(
    engine: Engine, tmp_path: Path
) -> None:
    tmp_path.chmod(0o777)
    until_it_serves(engine.run(ha(*at("/var/lib/lbdisc", tmp_path))))


@pytest.mark.parametrize("owner", [0, 1000])
def test_a_mounted_folder_may_say_the_registry_alone(
    engine: Engine, tmp_path: Path, owner: int
) -> None:
    """As a ConfigMap is mounted; what is not said in it stays true of the image."""
    config_map(tmp_path, owner, 'backend = "file"\n[file]\ndir = "/nodes"\n')
    seen = {"LBDISC_JINJA2_VARS": '{"stats_bind": "*:1936", "stats_open": true}'}
    options = at("/etc/lbdisc", tmp_path)
    with Site(engine, backend("file"), options=options, environment=seen) as site:
        site.start_balancer()
        site.start_nodes("s1")
        site.until_up("s1")
        eventually(lambda: site.status()["in_step"], what="the agent in step")


def config_map(folder: Path, owner: int, settings: str) -> None:
    """The settings behind links, in a folder that is its owner's and anybody's to write."""
    (folder / "..1").mkdir()
    (folder / "..1" / "lbdisc.toml").write_text(settings)
    (folder / "..data").symlink_to("..1")
    (folder / "lbdisc.toml").symlink_to("..data/lbdisc.toml")
    for each in (folder, folder / "..1", folder / "..1" / "lbdisc.toml"):
        os.chown(each, owner, owner)
        each.chmod(0o777)
