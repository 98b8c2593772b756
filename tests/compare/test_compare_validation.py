"""The simulation beside real servers, at ten nodes, in a network namespace of its own."""

import subprocess
import sys

import pytest

MODULE = "lbdisc_compare.simulation"
COUNTED = {"idle_messages", "idle_bytes"}  # what no clock decides


def table(way: str, nodes: int) -> dict[str, float]:
    """Simulated by measured, by figure."""
    command = ["unshare", "--net", sys.executable, "-m", MODULE, way, str(nodes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines()]
    return {row[2]: float(row[5]) for row in rows}


@pytest.mark.timeout(1000)
@pytest.mark.parametrize("way", ["serf-local", "serf-lan", "etcd"])
def test_what_is_counted_is_within_a_quarter_of_the_simulation(way: str) -> None:
    ratios = table(way, 10)
    assert COUNTED | {"detection_all"} <= ratios.keys()
    assert all(0.75 <= ratios[figure] <= 1.25 for figure in COUNTED)
