"""The time that each property gets, and what became of it in the long form."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fuzz.exploring import Explore, share

SHOWN = "fuzzed"
HERE = Path(__file__).parent
PATIENCE = 600  # seconds that a property may take on a machine with more to do


def minutes(config: pytest.Config) -> float:
    return float(config.getoption("--minutes"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(60 * minutes(config) + PATIENCE))


@pytest.fixture
def explore(request: pytest.FixtureRequest) -> Iterator[Explore]:
    """A property's way to its examples; in the long form all share the minutes."""
    items = request.session.items
    known = [item for item in items if "explore" in getattr(item, "fixturenames", ())]
    found = Explore(share(minutes(request.config), len(known)))
    yield found
    request.node.user_properties.append((SHOWN, f"{request.node.name}: {found.explored}"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not minutes(terminalreporter.config):
        return
    for reports in terminalreporter.stats.values():
        for report in reports:
            told = dict(getattr(report, "user_properties", ())).get(SHOWN)
            if told and getattr(report, "when", "") == "teardown":
                terminalreporter.write_line(told)
