"""Small sites in containers for tests of the images, and waiting for words in a log."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from lbdisc.testing.waiting import eventually
from lbdisc_lab.containers.backends import backend
from lbdisc_lab.containers.container import Container
from lbdisc_lab.containers.engine import Engine
from lbdisc_lab.containers.site import Site


@contextmanager
def running(name: str, **settings: str) -> Iterator[Site]:
    """A site of one balancer and one node over the backend ``name``, under traffic."""
    engine = Engine(f"test-images-{uuid.uuid4().hex[:8]}")
    with Site(engine, backend(name), rate=50, environment=settings) as site:
        site.start_registry()
        site.start_balancer()
        site.start_nodes("s1")
        site.start_traffic()
        site.until_up("s1")
        site.until_served(20, "s1")
        yield site


def until_said(container: Container, words: str, *, times: int = 1) -> str:
    """A line of the container's log with these words, the one by that number."""

    def said() -> str:
        found = [line for line in container.logs().splitlines() if words in line]
        return found[times - 1] if len(found) >= times else ""

    try:
        return eventually(said, deadline=60, every=0.2, what=f"{words!r} in the log")
    except AssertionError as error:
        raise AssertionError(f"{error}:\n{container.logs()[-3000:]}") from None
