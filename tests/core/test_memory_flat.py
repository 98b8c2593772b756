"""Thousands of changes of one service leave no more behind than the first few did."""

import subprocess
import sys
import tracemalloc
from pathlib import Path

from lbdisc import Endpoint, Snapshot
from lbdisc.builtin.jinja2.renderer import JinjaRenderer, JinjaSettings
from lbdisc.haproxy.planning.plan import plan

NODES, WARM, CHANGES = 10, 200, 1800
ALLOWED = 1_000_000  # bytes; the texts of all generations are 4 MB, without what is read from them


def test_two_thousand_changes_of_a_service_leave_nothing_behind(tmp_path: Path) -> None:
    """In a process of its own: what other tests have left running allocates, too."""
    command = [sys.executable, __file__, str(tmp_path)]
    grown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=100).stdout
    assert int(grown) < ALLOWED


def growth(folder: Path) -> int:
    """Bytes that the changes after the warm ones have left behind."""
    settings = JinjaSettings(services=("nodes",), state_dir=folder, vars={"cli_bind": ""})
    renderer = JinjaRenderer(settings)
    running = renderer.render(state(0)).text
    tracemalloc.start()
    before = 0
    for number in range(1, WARM + CHANGES + 1):
        candidate = renderer.render(state(number)).text
        assert plan(running, candidate).how == "runtime"
        running = candidate
        if number == WARM:
            before, _ = tracemalloc.get_traced_memory()
    return tracemalloc.get_traced_memory()[0] - before


def state(number: int) -> Snapshot:
    """One node is another one each time, and none comes twice."""
    names = [f"s{at}" for at in range(NODES - 1)] + [f"new{number}"]
    return Snapshot.of(
        Endpoint(service="nodes", name=name, address="10.0.0.1", port=3000) for name in names
    )


if __name__ == "__main__":
    sys.stdout.write(str(growth(Path(sys.argv[1]))))
