"""images/compose.yaml, as the README has it: a profile, five web apps, and away again."""

import os
import re
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from lbdisc.testing.waiting import eventually
from lbdisc_lab.containers.docker import lines
from lbdisc_lab.demo.ports import quiet_port
from lbdisc_lab.traffic import Traffic

IMAGES = Path(__file__).parents[2] / "images"
SECURE = ("-f", str(IMAGES / "compose.secure.yaml"))


class Project:
    """A project of compose, with a name and ports of its own."""

    def __init__(self, *words: str) -> None:
        self.name = f"test-compose-{uuid.uuid4().hex[:8]}"
        self._port = quiet_port()
        ports = {"HTTP_PORT": str(self._port), "STATS_PORT": str(quiet_port())}
        self._environment = {**os.environ, **ports}
        self._words = [str(IMAGES / "compose"), *words, "-p", self.name]

    def run(self, *words: str) -> str:
        """What compose says to these words, which it has to carry out."""
        done = subprocess.run(
            [*self._words, *words],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=110,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:]
        return done.stdout

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/"

    def until_served_by(self, hosts: int) -> None:
        """Until so many hosts have answered."""
        with Traffic(self.url, rate=50) as traffic:
            eventually(lambda: len(traffic.counts().nodes) == hosts, deadline=60, what="all")

    def left(self) -> list[str]:
        """What is still there of it."""
        mine = ("--quiet", "--filter", f"label=com.docker.compose.project={self.name}")
        found = lines("ps", "--all", *mine) + lines("volume", "ls", *mine)
        return found + lines("network", "ls", *mine)


@contextmanager
def up(profile: str, *files: str) -> Iterator[Project]:
    project = Project(*files, "--profile", profile)
    try:
        project.run("up", "-d", "--scale", "webapp=5")
        project.until_served_by(5)
        yield project
        project.run("down", "-v", "-t", "10")
        assert project.left() == []
    finally:
        with suppress(AssertionError):
            project.run("down", "-v", "-t", "0")


@pytest.mark.parametrize("profile", ["serf", "etcd", "zookeeper"])
def test_three_commands_to_five_balanced_web_apps(profile: str) -> None:
    with up(profile) as project:
        settings = project.run("exec", "-T", "ha", "lbdisc", "config", "show")
        assert re.search(rf"^backend +{profile} ", settings, re.MULTILINE)


def test_a_stack_that_runs_keeps_its_registry() -> None:
    with up("file") as project:
        project.run("up", "-d", "--scale", "webapp=6")
        project.until_served_by(6)
        other = ("--profile", "serf")
        project.run(*other, "up", "-d", "--scale", "webapp=6")
        refusal = '"file" is chosen already'
        eventually(lambda: refusal in project.run(*other, "logs", "choose-serf"))


@pytest.mark.parametrize("profile", ["serf", "zookeeper"])
def test_keys_and_passwords_shut_nobody_out(profile: str) -> None:
    with up(profile, *SECURE) as project:
        project.run("exec", "-T", "ha", "lbdisc", "status")
        listed = project.run("exec", "-T", "ha", "lbdisc", "nodes", "--agents")
        assert re.search(r"^ha +nodes ", listed, re.MULTILINE)


def test_tls_and_passwords() -> None:
    with up("etcd", *SECURE) as project:
        settings = project.run("exec", "-T", "ha", "lbdisc", "config", "show")
        assert "https://etcd:2379" in settings
        refused = project.run("exec", "-T", "etcd", "sh", "-c", "etcdctl get / 2>&1 || true")
        assert "user name is empty" in refused
