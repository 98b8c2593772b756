"""Host names in the default template outlive their name servers, in whatever way those fail."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lbdisc.testing.waiting import eventually
from support.haproxies import VERSIONS, Place, place
from support.name_server import Mood, name_server

TEMPLATE = Path(__file__).parents[2] / "templates" / "haproxy.cfg.j2"
MOODS: tuple[Mood, ...] = ("silent", "servfail", "refused", "nx", "empty")


@pytest.fixture(params=VERSIONS)
def here(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param) as found:
        yield found


def holds() -> dict[str, str]:
    """How long the template holds what, by the way of failing."""
    return dict(
        re.findall(r"^ +hold (nx|refused|timeout|other) (\S+)$", TEMPLATE.read_text(), re.M)
    )


def test_the_default_template_holds_for_weeks() -> None:
    assert holds() == dict.fromkeys(("nx", "refused", "timeout", "other"), "24d")


def test_each_way_of_failing_goes_by_one_of_those_lines(here: Place) -> None:
    """With the lines at one second instead of weeks, every server is out long before 30."""
    lines = "".join(f"  hold {way} 1s\n" for way in holds())
    with ExitStack() as stack:
        servers = {mood: stack.enter_context(name_server()) for mood in MOODS}
        body = ""
        for mood, server in servers.items():
            server.names = {f"{mood}.test": ["127.0.1.3"]}
            body += f"resolvers {mood}\n  nameserver own 127.0.0.1:{server.port}\n{lines}"
            body += f"backend {mood}\n  server s {mood}.test:90 resolvers {mood} init-addr none\n"
        running = stack.enter_context(here.running(here.text(body)))

        def out() -> set[str]:
            return {row.proxy for row in running.runtime.servers() if row.in_maintenance}

        eventually(lambda: not out(), what="all names found")
        for mood, server in servers.items():
            server.mood = mood
        eventually(lambda: out() == set(MOODS), deadline=20, what="all names let go")
