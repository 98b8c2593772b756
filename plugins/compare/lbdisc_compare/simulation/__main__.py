"""``unshare --net python -m lbdisc_compare.simulation WAY NODES``: simulated beside real."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from lbdisc.environment import for_child
from lbdisc_compare.simulation.validation import Effort, expected, measured
from lbdisc_compare.simulation.wires import quiet


def main(words: list[str]) -> None:
    """``WAY NODES`` …: measure them, and print a table with the simulated figures beside."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, env=for_child())
    if not quiet():
        sys.exit("others use this network: run it with unshare --net")
    for way, size in zip(words[::2], words[1::2], strict=True):
        nodes = int(size)
        values: dict[str, list[float]] = {}
        with tempfile.TemporaryDirectory() as folder:
            effort = Effort(kills=8, joins=4, settling=True)
            for figure, value in measured(way, nodes, effort, Path(folder)):
                values.setdefault(figure.name, []).append(value)
        for name, simulated_values in expected(way, nodes).items():
            real, model = float(np.median(values[name])), float(np.median(simulated_values))
            ratio = model / real
            count = len(values[name])
            sys.stdout.write(
                f"| {way} | {nodes} | {name} | {real:.3g} ({count}) | {model:.3g} | {ratio:.2f} |\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
