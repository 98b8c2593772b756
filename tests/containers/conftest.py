"""An engine that answers, and images that are as new as the tree, for all tests in this folder."""

import fcntl
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc_lab.containers.backends import backend
from lbdisc_lab.containers.engine import Engine
from lbdisc_lab.containers.site import Site

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session", autouse=True)
def images() -> None:
    """Start an engine and build the images if need be; fails, and never skips."""
    with (Path(tempfile.gettempdir()) / "lbdisc-containers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in (["sh", "scripts/docker.sh"], ["make", "--silent", "images", "ARGS="]):
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.exit(f"{' '.join(command)}: {done.stderr or done.stdout}", returncode=1)


@pytest.fixture
def engine() -> Iterator[Engine]:
    """Makes containers of this test alone."""
    with Engine(f"test-{uuid.uuid4().hex[:8]}") as engine:
        yield engine


@pytest.fixture(scope="class")
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """Registry, balancer and two nodes of the class's `backend`, under traffic."""
    name = request.cls.backend
    engine = Engine(f"test-{name}-{uuid.uuid4().hex[:8]}")
    with Site(engine, backend(name), rate=50) as site:
        site.start_registry()
        site.start_balancer()
        site.start_nodes("s1", "s2")
        site.start_traffic()
        site.until_up("s1", "s2")
        site.until_served(20, "s1", "s2")
        yield site
        site.traffic.stop()  # what was in flight to the last counts, too
        assert list(map(str, site.new_losses())) == []
