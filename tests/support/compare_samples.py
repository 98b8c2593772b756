"""Plainly invented samples of a comparison, for tests of the report: nothing was measured."""

import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from lbdisc_compare.contenders.contender import Promises
from lbdisc_compare.measures.measure import Figure, Section
from lbdisc_compare.records import (
    Absence,
    Breakdown,
    CellEnd,
    Happening,
    Noted,
    RunHeader,
    Sample,
    Simulated,
    line,
)
from lbdisc_compare.report.known import Catalogues, MeasureKnown, WayKnown
from lbdisc_compare.report.reading import SamplesRead, read

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


def reading(path: Path, lines: Iterable[Noted]) -> SamplesRead:
    return read(written(path, lines))


def way(name: str) -> WayKnown:
    promises = Promises(
        servers="none" if name == "file" else f"1 {name}",
        ports="2379",
        quorum="none",
        clock="none",
        words="What it promises.",
        shows_in="crash",
        crash_bound=15.0,
        crash_formula="lease",
        crash_source="its manual",
    )
    family: Literal["lbdisc", "outsider"] = "lbdisc" if name in OURS else "outsider"
    title = f"lbdisc, {name}" if family == "lbdisc" else name
    return WayKnown(name=name, title=title, family=family, promises=promises, settings={"a": "b"})


def measure(
    name: str, title: str, section: Section, *figures: tuple[str, str, str]
) -> MeasureKnown:
    made = [
        Figure(name=figure, title=told, unit=unit, explained=f"What {told} is.")
        for figure, told, unit in figures
    ]
    return MeasureKnown(
        name=name, title=title, section=section, figures={one.name: one for one in made}
    )


KNOWN = Catalogues(
    ways={name: way(name) for name in WAYS},
    measures={
        one.name: one
        for one in (
            measure(
                "join",
                "Join, weight change and leave",
                "latency",
                ("join_served", "Join: write → first request served", "ms"),
                ("leave_last", "Leave: write → last request", "ms"),
            ),
            measure(
                "crash",
                "Crash of a node",
                "crash",
                ("crash_rotation_s", "Crash → the balancer sends it nothing more", "s"),
                ("crash_list_s", "Crash → out of the list", "s"),
            ),
            measure(
                "away", "The registry is away", "faults", ("lost", "Requests lost", "requests")
            ),
        )
    },
)
JOINS = {"file": 6, "serf-lan": 60, "etcd": 18, "zookeeper": 22, "dns": 9000, "dns-tuned": 900}


def a_run(ways: Sequence[str] = WAYS, *, busy: float = 0.02) -> Iterator[Noted]:
    """A whole run, invented: traefik is missing, ZooKeeper's crash failed."""
    draw = random.Random(1)
    yield header(ways)
    for name in ways:
        if name == "traefik":
            yield Absence(way=name, why="the program traefik is not on this machine")
            continue
        about = JOINS.get(name, 50)
        yield from cell(
            name,
            "join",
            *samples(
                name, _around(draw, about, 60), measure="join", figure="join_served", unit="ms"
            ),
            *samples(
                name, _around(draw, about, 40), measure="join", figure="leave_last", unit="ms"
            ),
            busy=busy,
        )
        yield from cell(name, "crash", *_crash(draw, name), busy=busy)
        yield from cell(name, "away", *_away(draw, name), busy=busy)
    for nodes in (10, 100, 1000, 10_000, 100_000):
        for protocol, seconds in (("serf-lan", 2 + nodes**0.1), ("lease", 15.0)):
            yield Simulated(
                way=protocol, figure="detection", value=seconds, unit="s", where={"nodes": nodes}
            )


def _around(draw: random.Random, middle: float, count: int) -> list[float]:
    return [middle * draw.lognormvariate(0, 0.35) for _ in range(count)]


def _crash(draw: random.Random, name: str) -> Iterator[Noted]:
    for how in ("killed", "frozen"):
        yield from samples(
            name, _around(draw, 2, 6), figure="crash_rotation_s", measure="crash", unit="s", how=how
        )
        if name == "zookeeper":
            yield Breakdown(way=name, measure="crash", why="the server did not start")
            return
        if not name.startswith("dns"):
            yield from samples(
                name, _around(draw, 12, 6), figure="crash_list_s", measure="crash",
                unit="s", how=how, promised=15.0,
            )  # fmt: skip
    if name.startswith("dns"):
        yield Absence(way=name, measure="crash", figure="crash_list_s", why="nobody takes it out")


def _away(draw: random.Random, name: str) -> Iterator[Noted]:
    lost = 40 if name.startswith("dns") else 0
    for kind in ("new", "kept", "long", "POST"):
        yield from samples(
            name, [float(lost)], measure="away", figure="lost", unit="requests", kind=kind, sent=900
        )

    def at(t: float, what: str, whom: str = "", detail: str = "") -> Happening:
        return Happening(way=name, measure="away", t=t, what=what, whom=whom, detail=detail)

    yield at(5, "fault", "registry", "the registry is stopped")
    yield at(25, "healed", "registry")
    for number in range(6 if lost else 0):
        yield at(12 + number * draw.random(), "gone", f"n{number}")
        yield at(27 + number * draw.random(), "up", f"n{number}")
    yield from (at(13 + number / 4, "lost") for number in range(lost))
