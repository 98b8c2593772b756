"""A file of samples without what its report does not show, small enough to be kept for good."""

import dataclasses
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from lbdisc_compare.records import Absence, Happening, Noted, RunHeader, Sample
from lbdisc_compare.report.charts.timeline import drawn_losses
from lbdisc_compare.report.plates import SCENES, faulty_scenes
from lbdisc_compare.report.reading import CellRead, SamplesRead, read

FILE = "samples-thinned.ndjson"
MOST_BYTES = 4_000_000


def thin(ndjson: Path, out: Path, *, most_bytes: int = MOST_BYTES) -> Path:
    """Write to the file ``out`` what ``lbdisc_compare.report.thin`` says; returns it."""
    reading = read(ndjson)
    kept = list(_kept(reading))
    dropped = sum(len(cell.happenings) for cell in reading.cells) - sum(
        isinstance(one, Happening) for one in kept
    )
    said = f"{dropped} happenings that no timeline draws were left out"
    text = _text(reading, kept, said)
    if len(text) > most_bytes:
        kept = [_timeless(one) for one in kept]
        text = _text(reading, kept, f"{said}, and at which second of a cell its samples were taken")
    if len(text) > most_bytes:
        raise ValueError(
            f"{ndjson}: what the report shows takes {len(text)} bytes, more than {most_bytes}"
        )
    out.write_bytes(text)
    return out


def _text(reading: SamplesRead, kept: Iterable[Noted], said: str) -> bytes:
    header = reading.header
    first: list[RunHeader] = [dataclasses.replace(header, thinned=said)] if header else []
    return "".join(f"{_short(one)}\n" for one in (*first, *kept)).encode()


def _timeless(one: Noted) -> Noted:
    return dataclasses.replace(one, t=0.0) if isinstance(one, Sample) else one


def _kept(reading: SamplesRead) -> Iterator[Noted]:
    """All but the header, in the order of the cells."""
    drawn = set(_drawn(reading))
    for way, why in reading.missing.items():
        yield Absence(way=way, why=why)
    for cell in reading.cells:
        yield from cell.samples
        yield from _happened(reading, cell, drawn)
        yield from cell.absences
        yield from cell.failures
        if cell.end is not None:
            yield cell.end
    yield from reading.simulated


Drawn = tuple[str, str, int, str]  # way, measure, round and scene


def _drawn(reading: SamplesRead) -> Iterator[Drawn]:
    """Of each scene with a fault, of each way the first round that has it."""
    for name in reading.measures:
        for scene in faulty_scenes(reading, name):
            for way in reading.ways:
                for cell in reading.of(way, name):
                    if any(one.what == "fault" and one.scene == scene for one in cell.happenings):
                        yield way, name, cell.round, scene
                        break


def _happened(reading: SamplesRead, cell: CellRead, drawn: set[Drawn]) -> Iterator[Happening]:
    """What is drawn; of scenes that are only named, their faults."""
    shown = faulty_scenes(reading, cell.measure)[:SCENES]
    for scene in dict.fromkeys(one.scene for one in cell.happenings):
        if (cell.way, cell.measure, cell.round, scene) not in drawn:
            continue
        its = sorted((one for one in cell.happenings if one.scene == scene), key=lambda one: one.t)
        if scene not in shown:
            yield from (one for one in its if one.what == "fault")
            continue
        lost = drawn_losses([one for one in its if one.what == "lost"])
        rest = [one for one in its if one.what != "lost"]
        yield from sorted([*rest, *lost], key=lambda one: one.t)


def _short(one: Noted) -> str:
    """The line without what is so by default; moments of a cell to a millisecond."""
    fields = {
        field.name: value
        for field in dataclasses.fields(one)
        if (value := getattr(one, field.name)) != _default(field)
    }
    if "t" in fields:
        fields["t"] = round(fields["t"], 3)
    return json.dumps({"kind": one.kind, **fields}, ensure_ascii=False, separators=(",", ":"))


def _default(field: "dataclasses.Field[object]") -> object:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default
