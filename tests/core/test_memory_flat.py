"""Thousands of changes of one service leave no more behind than the first few did."""

import tracemalloc
from pathlib import Path

from lbdisc import Endpoint, Snapshot
from lbdisc.builtin.jinja2.renderer import JinjaRenderer, JinjaSettings
from lbdisc.haproxy.planning.plan import plan

NODES, WARM, CHANGES = 10, 200, 1800
ALLOWED = 1_000_000  # bytes; the texts of all generations are 4 MB, without what is read from them


def test_two_thousand_changes_of_a_service_leave_nothing_behind(tmp_path: Path) -> None:
    settings = JinjaSettings(services=("nodes",), state_dir=tmp_path, vars={"cli_bind": ""})
    renderer = JinjaRenderer(settings)
    running = renderer.render(state(0)).text
    tracemalloc.start()
    try:
        for number in range(1, WARM + CHANGES + 1):
            candidate = renderer.render(state(number)).text
            assert plan(running, candidate).how == "runtime"
            running = candidate
            if number == WARM:
                before, _ = tracemalloc.get_traced_memory()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < ALLOWED


def state(number: int) -> Snapshot:
    """One node is another one each time, and none comes twice."""
    names = [f"s{at}" for at in range(NODES - 1)] + [f"new{number}"]
    return Snapshot.of(
        Endpoint(service="nodes", name=name, address="10.0.0.1", port=3000) for name in names
    )
