"""The reloaders keep their contract, with a real HAProxy and a real nginx."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from lbdisc.testing import Balancer, ReloaderSuite
from support.balancers import CommandBalancer, HaproxyBalancer, NginxBalancer


class TestHaproxyReloader(ReloaderSuite):
    plugin = "haproxy"

    @pytest.fixture
    def balancer(self, short_path: Path) -> Iterator[Balancer]:
        with HaproxyBalancer(short_path) as balancer:
            yield balancer


class TestCommandReloader(ReloaderSuite):
    plugin = "command"

    @pytest.fixture
    def balancer(self, short_path: Path) -> Iterator[Balancer]:
        with CommandBalancer(short_path) as balancer:
            yield balancer


class TestNginxByCommands(ReloaderSuite):
    plugin = "command, nginx"

    @pytest.fixture
    def balancer(self, short_path: Path) -> Iterator[Balancer]:
        with NginxBalancer(short_path) as balancer:
            yield balancer


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose sockets' paths are short enough."""
    with TemporaryDirectory(prefix="lbdisc-") as folder:
        yield Path(folder)
