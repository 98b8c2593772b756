"""Samples of a comparison are read whatever state the file is in."""

from pathlib import Path

from lbdisc_compare.records import Breakdown
from lbdisc_compare.report.reading import read
from lbdisc_compare.report.series import all_series
from support.compare_samples import cell, header, reading, samples, written


def test_a_half_last_line_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a", [header(), *cell("etcd", "changes", *samples("etcd", [1.0]))])
    with path.open("a") as file:
        file.write('{"kind": "sample", "way": "et')
    found = read(path)
    assert found.ways[0] == "file"
    assert [len(cell.samples) for cell in found.cells] == [1]
    assert "the last line, without its end" in found.problems[0]


def test_an_empty_file_has_no_header_and_says_so(tmp_path: Path) -> None:
    found = reading(tmp_path / "a", [])
    assert found.cells == ()
    assert "no header" in found.problems[0]


def test_values_that_are_no_numbers_are_left_out_and_told(tmp_path: Path) -> None:
    lines = [header(), *cell("etcd", "changes", *samples("etcd", [1.0, float("nan")]))]
    found = reading(tmp_path / "a", lines)
    assert all_series(found)[0].values == (1.0,)
    assert found.problems == ("line 3: join of etcd is nan, no number: left out",)


def test_a_line_with_a_wrong_type_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path / "a", [header()])
    with path.open("a") as file:
        file.write(
            '{"kind": "sample", "way": "etcd", "figure": "join", "value": "1", "unit": ""}\n'
        )
    assert read(path).problems == ("line 2 was left out: value of a sample is '1'",)


def test_a_cell_that_did_not_end_counts_in_no_figure(tmp_path: Path) -> None:
    found = reading(tmp_path / "a", [header(), *samples("etcd", [1.0])])
    assert found.cells[0].state == "unfinished"
    assert all_series(found) == []


def test_a_failed_cell_keeps_its_samples_and_its_reason(tmp_path: Path) -> None:
    broken = Breakdown(way="etcd", measure="changes", why="etcd did not start")
    lines = [header(), *cell("etcd", "changes", *samples("etcd", [1.0]), broken)]
    found = reading(tmp_path / "a", lines)
    assert found.cells[0].state == "failed"
    assert found.why_absent("etcd", "changes", "leave") == "failed: etcd did not start"
    assert all_series(found)[0].values == (1.0,)


def test_cells_on_a_busy_machine_are_left_out_where_there_is_another(tmp_path: Path) -> None:
    lines = [
        header(),
        *cell("etcd", "changes", *samples("etcd", [9.0]), busy=0.5),
        *cell("etcd", "changes", *samples("etcd", [1.0], round=1), round=1),
    ]
    (series,) = all_series(reading(tmp_path / "a", lines))
    assert (series.values, series.busy, series.left_out) == ((1.0,), False, 1)


def test_only_busy_cells_are_shown_as_busy(tmp_path: Path) -> None:
    lines = [header(), *cell("etcd", "changes", *samples("etcd", [9.0]), busy=0.5)]
    (series,) = all_series(reading(tmp_path / "a", lines))
    assert (series.values, series.busy, series.load) == ((9.0,), True, 0.5)


def test_a_condition_that_differs_for_each_sample_does_not_part_them(tmp_path: Path) -> None:
    lines = [
        one for at in range(20) for one in samples("etcd", [float(at)], node=f"n{at}", frozen="1")
    ]
    (series,) = all_series(reading(tmp_path / "a", [header(), *cell("etcd", "changes", *lines)]))
    assert len(series.values) == 20
    assert series.conditions == "frozen 1"
