"""Plainly invented samples of a comparison, for tests of the report: nothing was measured."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from lbdisc_compare.records import (
    CellEnd,
    Noted,
    RunHeader,
    Sample,
    line,
)
from lbdisc_compare.report.reading import Reading, read

WAYS = ("file", "serf-lan", "etcd", "zookeeper", "dns", "dns-tuned", "traefik")
OURS = WAYS[:4]


def header(ways: Sequence[str] = WAYS) -> RunHeader:
    return RunHeader(
        at=1_790_000_000.0,
        seed=1,
        scale="quick",
        nodes=10,
        machine={"cpus": 2, "kernel": "invented"},
        versions={"lbdisc": "0.1.0", "haproxy": "2.6.12"},
        ways=tuple(ways),
        settings={"etcd": {"lease": "15 s"}},
    )


def cell(
    way: str, measure: str, *lines: Noted, round: int = 0, busy: float = 0.02
) -> Iterator[Noted]:
    """``lines`` and their end."""
    yield from lines
    yield CellEnd(
        way=way, measure=measure, round=round, at=0, took=9, load_before=0.01, load_during=busy
    )


def samples(
    way: str,
    values: Iterable[float],
    *,
    measure: str = "changes",
    figure: str = "join",
    unit: str = "s",
    round: int = 0,
    **where: object,
) -> list[Noted]:
    return [
        Sample(
            way=way,
            measure=measure,
            round=round,
            figure=figure,
            value=value,
            unit=unit,
            where=where,
        )
        for value in values
    ]


def written(path: Path, lines: Iterable[Noted]) -> Path:
    path.write_text("".join(f"{line(one)}\n" for one in lines), encoding="utf-8")
    return path


def reading(path: Path, lines: Iterable[Noted]) -> Reading:
    return read(written(path, lines))
