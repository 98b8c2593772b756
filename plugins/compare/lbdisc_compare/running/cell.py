"""One cell in a process of its own: ``python -m lbdisc_compare.running.cell`` with an order as
JSON on standard input. Its lines go to the file that the order names.

As the first process of a namespace it also takes in the orphans of all others.
"""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from lbdisc.environment import for_child
from lbdisc.errors import LbdiscError
from lbdisc_compare.contenders.catalogue import all_contenders
from lbdisc_compare.contenders.contender import Unable
from lbdisc_compare.hosts.host import HostSet
from lbdisc_compare.hosts.loopback import LoopbackHosts
from lbdisc_compare.measures.catalogue import all_measures
from lbdisc_compare.measures.measure import Measure, Scale, Sitting
from lbdisc_compare.records import Breakdown, Noted, line

BROKEN = 3  # the exit code of a cell that failed and has said so


@dataclass(frozen=True, slots=True, kw_only=True)
class CellOrder:
    """What the process is to do."""

    way: str
    measure: str
    round: int
    seed: int
    quick: bool
    nodes: int
    folder: str
    isolated: bool

    @property
    def lines(self) -> Path:
        """Where its lines are."""
        return Path(self.folder) / "lines.ndjson"

    @property
    def log(self) -> Path:
        """What it said, of use when it fails."""
        return Path(self.folder) / "cell.log"

    def json(self) -> str:
        return json.dumps(asdict(self))


def main() -> None:
    order = CellOrder(**json.load(sys.stdin))
    if os.getpid() == 1:
        _first_process()
    signal.signal(signal.SIGTERM, _ended)  # what was started ends as well
    if order.isolated:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True, env=for_child())
    sys.exit(run(order))


def run(order: CellOrder) -> int:
    """Measure; returns the exit code."""
    with order.lines.open("a", encoding="utf-8", buffering=1) as file:

        def write(one: Noted) -> None:
            file.write(f"{line(one)}\n")

        measure = next(one for one in all_measures() if one.name == order.measure)
        contender = next(one for one in all_contenders() if one.name == order.way)
        sitting = Sitting(
            way=order.way,
            measure=order.measure,
            round=order.round,
            scale=Scale(quick=order.quick, nodes=order.nodes),
            hosts=_hosts(measure, Path(order.folder)),
            seed=order.seed,
            write=write,
        )
        try:
            measure.run(contender, sitting)
        except Unable as error:
            sitting.absent(str(error))
        except (LbdiscError, RuntimeError, AssertionError, OSError, ValueError) as error:
            write(_breakdown(order, error))
            raise SystemExit(BROKEN) from error
    return 0


def _breakdown(order: CellOrder, error: Exception) -> Breakdown:
    words = " ".join(str(error).split()) or type(error).__name__
    return Breakdown(way=order.way, measure=order.measure, round=order.round, why=words[:500])


def _hosts(measure: Measure, folder: Path) -> HostSet:
    if "namespaces" not in measure.needs:
        return LoopbackHosts(folder)
    from lbdisc_compare.hosts.namespaces import NamespaceHosts

    return NamespaceHosts(folder)


def _first_process() -> None:
    """Go on in a child; this process waits for all that end (pid_namespaces(7))."""
    child = os.fork()
    if child == 0:
        return
    signal.signal(signal.SIGTERM, lambda number, _: _pass_on(child, number))
    while True:
        ended, status = os.wait()
        if ended == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _pass_on(child: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(child, number)


def _ended(number: int, frame: FrameType | None) -> None:
    sys.exit("ended")


if __name__ == "__main__":
    main()
