"""A million hostile records through every reader, and what became of them, as a table.

``make hostile``, or ``python -m fuzz.million`` with ``tests`` on the path. ``--records`` are shared
by all readers; each gets ``--aimed`` more that are aimed at nesting, size and numbers. Exit code 1
after any crash, hidden entry, stall or unescaped line.
"""

import argparse
import multiprocessing
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from fuzz.readers import GOOD_KEYS, READERS, Reader
from fuzz.records import AIMED, Aim
from fuzz.served import unescaped
from lbdisc import Snapshot

BATCH = 500  # records of one reader before it begins anew
STALL = 0.1  # seconds of processor time for one record: the pipeline stands for as long
ASKED = 40  # every so many batches, HAProxy itself is asked


@dataclass
class Row:
    """What became of the records of one reader."""

    reader: str
    records: int = 0
    crashes: Counter[str] = field(default_factory=Counter)
    stalls: int = 0
    hidden: int = 0
    longest: float = 0.0
    unescaped: int = 0
    refused: int = 0
    samples: dict[str, str] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        return not (self.crashes or self.stalls or self.hidden or self.unescaped or self.refused)

    @property
    def cells(self) -> tuple[object, ...]:
        crashes, longest = sum(self.crashes.values()), f"{self.longest * 1000:.1f}"
        counts = (self.records, crashes, self.stalls, self.hidden, longest)
        return (self.reader, *counts, self.unescaped, self.refused)


COLUMNS = (
    *("reader", "records", "crashes", "stalls over 100 ms", "other entries hidden", "longest ms"),
    *("unescaped lines", "refused by HAProxy"),
)


def run(name: str, count: int, *, seed: int, aim: Callable[[Random], Aim], ask: bool) -> Row:
    """``count`` records through the reader ``name``."""
    row, draw = Row(name), Random(f"{name} {seed}")
    for number in range(-(-count // BATCH)):
        reader = READERS[name]()
        for _ in range(min(BATCH, count - row.records)):
            _hear(reader, row, draw, aim(draw))
        _look(reader, row, ask=ask and number % ASKED == 0)
        reader.close()
    return row


def _hear(reader: Reader, row: Row, draw: Random, aim: Aim) -> None:
    row.records += 1
    before, said, began = draw.getstate(), b"", time.thread_time()
    try:
        said = reader.hear(draw, aim)
    except Exception as error:  # noqa: BLE001 - what is looked for
        draw.setstate(before)
        draw.random()
        _crashed(row, error, aim)
    took = time.thread_time() - began
    row.stalls += took > STALL
    if took > row.longest:
        row.longest = took
        row.samples["longest"] = f"{aim}, {len(said)} bytes: {said[:60]!r}"


def _crashed(row: Row, error: Exception, aim: Aim) -> None:
    what = f"{type(error).__name__}: {str(error)[:60]!a}"
    row.crashes[what] += 1
    trace = error.__traceback__
    where = ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if "/fuzz/" not in code.co_filename:
            where = where or f"{Path(code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    row.samples.setdefault(what, f"{aim}, from {where}")


def _look(reader: Reader, row: Row, *, ask: bool) -> None:
    try:
        snapshot = reader.snapshot()
    except Exception as error:  # noqa: BLE001 - what is looked for
        row.hidden += len(GOOD_KEYS)
        _crashed(row, error, "anything")
        return
    row.hidden += len(GOOD_KEYS - {endpoint.key for endpoint in snapshot.endpoints})
    for problem in snapshot.problems:
        if not str(problem).isprintable():
            row.unescaped += 1
            row.samples.setdefault("unprintable problem", ascii(str(problem))[:200])
    text, wrong = unescaped(snapshot)
    row.unescaped += len(wrong)
    if wrong:
        row.samples.setdefault("unescaped", ascii(wrong[0])[:200])
    if ask:
        row.refused += not _accepted(row, text, snapshot)


_NAMED = re.compile(r"(?m)^(\s+server \S+ )\S+?(:\d+ .*?) resolvers .*$")


def _accepted(row: Row, text: str, snapshot: Snapshot) -> bool:
    """Whether HAProxy takes it; host names are replaced, as it would ask a name server for each."""
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as file:
        file.write(_NAMED.sub(r"\g<1>10.9.9.9\2", text))
        file.flush()
        command = ["haproxy", "-c", "-f", file.name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode:
        row.samples.setdefault("refused", f"{len(snapshot)} endpoints: {done.stderr[:300]!a}")
    return not done.returncode


def table(rows: Sequence[Row]) -> str:
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    lines += [f"| {' | '.join(map(str, row.cells))} |" for row in rows]
    return "\n".join(lines)


@dataclass(frozen=True)
class Order:
    """What one process does: so many records of each kind through one reader."""

    reader: str
    wide: int
    aimed: int
    seed: int
    ask: bool


def rows_of(order: Order) -> list[Row]:
    """In a thread, as a watch reads in one: its stack is smaller."""
    rows: list[Row] = []

    def work() -> None:
        name, seed, ask = order.reader, order.seed, order.ask
        rows.append(run(name, order.wide, seed=seed, aim=lambda draw: "anything", ask=ask))
        rows.append(run(name, order.aimed, seed=seed, aim=lambda draw: draw.choice(AIMED), ask=ask))
        rows[-1].reader += ", aimed"

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return rows


def _show(row: Row) -> None:
    print(table([row]).rpartition("\n")[2], flush=True)
    for what, sample in row.samples.items():
        if what != "longest":
            print(f"    {row.crashes.get(what, '')} {what}: {sample}", flush=True)


def _all(orders: Sequence[Order], jobs: int) -> list[Row]:
    rows = []
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        for found in pool.map(rows_of, orders):
            for row in found:
                _show(row)
            rows += found
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--records", type=int, default=1_000_000, help="for all readers together")
    parser.add_argument("--aimed", type=int, default=100_000, help="for each reader")
    parser.add_argument("--only", default="", help="readers whose names match this expression")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="readers at a time")
    parser.add_argument("--no-haproxy", action="store_true", help="do not ask HAProxy itself")
    given = parser.parse_args()
    began = time.monotonic()
    names = [name for name in READERS if re.search(given.only, name)]
    wide, ask = given.records // max(1, len(names)), not given.no_haproxy
    orders = [Order(name, wide, given.aimed, given.seed, ask) for name in names]
    rows = _all(orders, given.jobs)
    print(f"\n{table(rows)}\n")
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    total = sum(row.records for row in rows)
    print(f"{total} records in {time.monotonic() - began:.0f} s, {most} MB at most")
    sys.exit(not (rows and all(row.clean for row in rows)))


if __name__ == "__main__":
    main()
