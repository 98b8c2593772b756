"""The summary has one table for each measure, with every figure of every way in it."""

from pathlib import Path

from lbdisc_compare.records import Noted
from lbdisc_compare.report.outline import Outline, outline
from lbdisc_compare.report.page import composed
from lbdisc_compare.report.reading import read
from support.compare_samples import KNOWN, WAYS, cell, header, samples, written


def outlined(path: Path, *lines: Noted) -> Outline:
    read_back = read(written(path / "samples.ndjson", [header(), *lines]))
    return outline(composed(read_back, KNOWN, "./samples.ndjson").chapters[0])


def crash(way: str, *values: float, how: str) -> list[Noted]:
    return samples(way, values, measure="crash", figure="crash_rotation_s", how=how)


def test_one_condition_shows_median_quantile_and_count(tmp_path: Path) -> None:
    found = outlined(tmp_path, *cell("etcd", "crash", *crash("etcd", 1.0, 2.0, 3.0, how="killed")))
    assert found.rows[0].cells[0].startswith("2 s / ")
    assert found.rows[0].cells[0].endswith("(3)")


def test_several_conditions_show_the_least_and_the_most(tmp_path: Path) -> None:
    its = [*crash("etcd", 0.5, how="killed"), *crash("etcd", 7.0, how="frozen")]
    assert outlined(tmp_path, *cell("etcd", "crash", *its)).rows[0].cells == ("500 ms to 7 s (2)",)


def test_a_way_without_figures_is_noted_and_has_no_row(tmp_path: Path) -> None:
    found = outlined(tmp_path, *cell("etcd", "crash", *crash("etcd", 1.0, how="killed")))
    assert len(found.rows) == 1
    assert all(": not measured: " in note for note in found.notes)
    assert len(found.notes) == len(WAYS) - 1


def test_a_busy_cell_says_so(tmp_path: Path) -> None:
    lines = cell("etcd", "crash", *crash("etcd", 1.0, how="killed"), busy=0.9)
    assert outlined(tmp_path, *lines).rows[0].cells == ("1 s (1), busy",)
