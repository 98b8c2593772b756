"""``lbdisc compare``: choose, install what is missing, run, simulate, report."""

import signal
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from lbdisc.errors import LbdiscError, SettingsError
from lbdisc_compare import report
from lbdisc_compare.choosing import check_nodes, chosen_measures, chosen_ways
from lbdisc_compare.contenders.contender import Contender
from lbdisc_compare.installing import offered
from lbdisc_compare.measures.measure import Measure, Scale
from lbdisc_compare.measures.relatives import left_out
from lbdisc_compare.records import Absence, CellEnd, RunHeader
from lbdisc_compare.report.against import slower
from lbdisc_compare.running.again import again as further_rounds
from lbdisc_compare.running.ledger import Ledger
from lbdisc_compare.running.machine import machine
from lbdisc_compare.running.progress import Meter
from lbdisc_compare.running.runner import Runner
from lbdisc_compare.running.schedule import Cell, schedule
from lbdisc_compare.simulation import curves, possible_nodes

SAMPLES = "samples.ndjson"
DONE, FAILED, INTERRUPTED = 0, 1, 130


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonAsked:
    """What the command line asks for, checked."""

    ways: tuple[Contender, ...]
    measures: tuple[Measure, ...]
    scale: Scale
    seed: int
    out: Path
    yes: bool
    named: bool  # the ways were: then none is left out of anything

    @property
    def samples(self) -> Path:
        return self.out / SAMPLES


def run(
    *,
    ways: str,
    nodes: int,
    quick: bool,
    resume: bool,
    again: bool,
    out: Path,
    only: str,
    seed: int,
    yes: bool,
    against: Path | None,
) -> int:
    """Returns the exit code. Raises ``LbdiscError``."""
    check_nodes(nodes, *possible_nodes())
    if again and not resume:
        raise SettingsError("--again goes with --resume: it adds to the run in --out")
    asked = ComparisonAsked(
        ways=chosen_ways(ways, quick=quick),
        measures=chosen_measures(only, quick=quick),
        scale=Scale(quick=quick, nodes=nodes),
        seed=seed,
        out=out,
        yes=yes,
        named=bool(ways.strip()),
    )
    before = _readable(against)
    ledger = Ledger(asked.samples)
    _claim(ledger)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was begun ends, as by Ctrl-C
    cells = _taken_up(ledger, asked, again=again) if resume else _begun(ledger, asked)
    if not _ran(ledger, asked, cells):
        _tell(f"interrupted; lbdisc compare --resume --out {out} goes on")
        return INTERRUPTED
    _simulate(ledger, asked)
    return max(_reported(asked), _compared(asked.samples, before), _failures(ledger))


def _claim(ledger: Ledger) -> None:
    try:
        ledger.claim()
    except OSError as error:
        raise LbdiscError(f"--out: {ledger.path.parent}: {error.strerror}") from error


def _begun(ledger: Ledger, asked: ComparisonAsked) -> list[Cell]:
    """A new file of samples; returns all cells."""
    if ledger.path.exists():
        raise SettingsError(
            f"{ledger.path} is there already: --resume goes on with it, another --out begins anew"
        )
    lacking = offered(asked.ways, yes=asked.yes)
    here = [way for way in asked.ways if way.name not in lacking]
    cells = _cells(asked, here)
    try:
        ledger.begin(_header(asked, here, len(cells)))
        ledger.add(Absence(way=name, why=why) for name, why in lacking.items())
        ledger.add(_represented(asked, here, frozenset()))
    except OSError as error:
        raise LbdiscError(f"{ledger.path}: {error.strerror}") from error
    return cells


def _cells(asked: ComparisonAsked, here: Sequence[Contender]) -> list[Cell]:
    cells = schedule(here, asked.measures, asked.scale, asked.seed)
    if asked.named:
        return cells
    return [cell for cell in cells if not left_out(cell.contender.name, cell.measure.name)]


def _represented(
    asked: ComparisonAsked, here: Sequence[Contender], ended: Collection[tuple[str, str, int]]
) -> Iterator[Absence | CellEnd]:
    """What is left out because a relative shows the same, and was not told yet."""
    for way, measure in product(() if asked.named else here, asked.measures):
        why = left_out(way.name, measure.name)
        if why and measure.rounds(asked.scale) and (way.name, measure.name, 0) not in ended:
            yield Absence(way=way.name, measure=measure.name, why=why)
            yield CellEnd(
                way=way.name,
                measure=measure.name,
                at=time.time(),
                took=0.0,
                load_before=0.0,
                load_during=0.0,
            )


def _header(asked: ComparisonAsked, here: Sequence[Contender], cells: int) -> RunHeader:
    versions: dict[str, str] = {}
    for way in here:
        versions |= way.versions()
    return RunHeader(
        at=time.time(),
        seed=asked.seed,
        scale="quick" if asked.scale.quick else "full",
        nodes=asked.scale.nodes,
        machine=machine(),
        versions=versions,
        ways=tuple(way.name for way in asked.ways),
        settings={way.name: dict(way.settings) for way in asked.ways},
        cells=cells,
    )


def _taken_up(ledger: Ledger, asked: ComparisonAsked, *, again: bool) -> list[Cell]:
    """The cells that the run in the file still lacks. Raises ``SettingsError``.

    With ``again`` also further rounds of those that failed, or that a busy machine disturbed.
    """
    if not ledger.path.exists():
        raise SettingsError(f"--resume: there is no {ledger.path}; without it a run begins there")
    try:
        ledger.mend()
        header, ended = ledger.header, ledger.ended()
        absent = ledger.left_out()
    except (ValueError, OSError) as error:
        raise SettingsError(f"--resume: {error}") from error
    _same(header, asked)
    here = [way for way in asked.ways if way.name in header.ways and way.name not in absent]
    ledger.add(_represented(asked, here, ended))
    cells = _cells(asked, here)
    more = further_rounds(cells, ledger.lines()) if again else []
    return [*(cell for cell in cells if cell.key not in ended), *more]


def _same(header: RunHeader, asked: ComparisonAsked) -> None:
    now = {
        "--quick": "quick" if asked.scale.quick else "full",
        "--nodes": asked.scale.nodes,
        "--seed": asked.seed,
    }
    then = {"--quick": header.scale, "--nodes": header.nodes, "--seed": header.seed}
    for option, value in now.items():
        if then[option] != value:
            raise SettingsError(
                f"--resume: the run in {asked.samples} has {option} {then[option]}, not {value}"
            )


def _ran(ledger: Ledger, asked: ComparisonAsked, cells: Sequence[Cell]) -> bool:
    """Whether all cells were run; an interruption leaves some."""
    meter = Meter(cells, asked.scale)
    _tell(meter.opening())
    runner = Runner(ledger=ledger, scale=asked.scale, seed=asked.seed, tell=meter.tell)
    try:
        runner.warm_up(cells)
        runner.run(cells)
    except KeyboardInterrupt:
        return False
    return True


def _simulate(ledger: Ledger, asked: ComparisonAsked) -> None:
    """The curves, once; those of before count."""
    if ledger.simulated():
        return
    _tell("simulating what is beyond this machine")
    ledger.add(curves(seed=asked.seed, quick=asked.scale.quick))


def _reported(asked: ComparisonAsked) -> int:
    from rich.console import Console

    for path in report.write(asked.samples, asked.out):
        _tell(f"wrote {path}")
    Console().print(report.table(asked.samples))
    return DONE


def _readable(against: Path | None) -> Path | None:
    if against is not None and not against.is_file():
        raise SettingsError(f"--against: there is no {against}")
    return against


def _compared(samples: Path, before: Path | None) -> int:
    """What got slower, a line each."""
    if before is None:
        return DONE
    found = slower(samples, before)
    for finding in found:
        _tell(str(finding))
    return FAILED if any(finding.kind == "slower" for finding in found) else DONE


def _failures(ledger: Ledger) -> int:
    failed = ledger.failed()
    if failed:
        _tell(f"{failed} cells failed; the report shows them in their places")
    return FAILED if failed else DONE


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
