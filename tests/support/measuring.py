"""One cell of a comparison in the test's own process, on loopback."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from lbdisc_compare.contenders.catalogue import all_contenders
from lbdisc_compare.hosts.loopback import LoopbackHosts
from lbdisc_compare.measures.measure import Figure, Measure, Scale, Sitting
from lbdisc_compare.records import Absence, Noted, Sample


@dataclass
class Cell:
    """What ``measure`` wrote of the way, quickly and with few nodes."""

    measure: Measure
    way: str
    nodes: int = 2
    lines: list[Noted] = field(default_factory=list)

    def run(self) -> "Cell":
        with tempfile.TemporaryDirectory(prefix="lbc-") as folder:  # sockets need a short path
            self._run(Path(folder))
        return self

    def _run(self, folder: Path) -> None:
        sitting = Sitting(
            way=self.way,
            measure=self.measure.name,
            round=0,
            scale=Scale(quick=True, nodes=self.nodes),
            hosts=LoopbackHosts(folder),
            seed=1,
            write=self.lines.append,
        )
        contender = next(one for one in all_contenders() if one.name == self.way)
        self.measure.run(contender, sitting)

    def samples(self, figure: Figure) -> list[Sample]:
        of_it = (one for one in self.lines if isinstance(one, Sample))
        return [one for one in of_it if one.figure == figure.name]

    def absences(self) -> dict[str, str]:
        """Why, by figure."""
        return {one.figure: one.why for one in self.lines if isinstance(one, Absence)}
