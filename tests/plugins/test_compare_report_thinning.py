"""Samples thinned for keeping: the same report, and the file says what it lacks."""

from pathlib import Path

import pytest

from lbdisc_compare.records import Happening, Noted
from lbdisc_compare.report import __main__, thin
from lbdisc_compare.report.page import composed, page
from lbdisc_compare.report.reading import SamplesRead, read
from lbdisc_compare.report.series import all_series
from support.compare_samples import KNOWN, a_run, cell, header, samples, written


def rounds(count: int, lost: int) -> list[Noted]:
    """A fault in each round, with requests lost."""
    made: list[Noted] = [header(("etcd",))]
    for number in range(count):

        def at(t: float, what: str, number: int = number) -> Happening:
            return Happening(way="etcd", measure="away", round=number, t=t, what=what)

        its = [at(5.0, "fault"), *(at(6 + n / 100, "lost") for n in range(lost)), at(9.0, "healed")]
        values = samples(
            "etcd", [1.5], measure="away", figure="lost", unit="requests", round=number
        )
        made += cell("etcd", "away", *values, *its, round=number)
    return made


def thinned(path: Path, lines: list[Noted], **most: int) -> SamplesRead:
    return read(thin(written(path / "all.ndjson", lines), path / "thinned.ndjson", **most))


def happened(reading: SamplesRead) -> list[Happening]:
    return [one for each in reading.cells for one in each.happenings]


def test_no_figure_changes(tmp_path: Path) -> None:
    lines = list(a_run())
    before, after = read(written(tmp_path / "b.ndjson", lines)), thinned(tmp_path, lines)
    assert all_series(after) == all_series(before)
    assert (after.simulated, after.missing) == (before.simulated, before.missing)
    assert [one.state for one in after.cells] == [one.state for one in before.cells]


def test_the_page_is_the_same_but_for_what_it_says_of_the_file(tmp_path: Path) -> None:
    lines = rounds(2, lost=300)
    before, after = read(written(tmp_path / "b.ndjson", lines)), thinned(tmp_path, lines)
    pages = [page(composed(one, KNOWN, "./s.ndjson")).split("<main>")[1] for one in (before, after)]
    assert pages[0].split('id="raw"')[0] == pages[1].split('id="raw"')[0]
    assert "The file is thinned" in pages[1]


def test_only_what_timelines_draw_is_kept(tmp_path: Path) -> None:
    found = happened(thinned(tmp_path, rounds(3, lost=300)))
    assert {one.round for one in found} == {0}
    assert 20 < sum(one.what == "lost" for one in found) <= 40
    assert max(one.t for one in found) == 9.0


def test_the_header_says_what_was_left_out(tmp_path: Path) -> None:
    found = thinned(tmp_path, rounds(2, lost=10))
    assert found.header is not None
    assert found.header.thinned == "12 happenings that no timeline draws were left out"


def test_what_was_thinned_is_thin(tmp_path: Path) -> None:
    once = thin(written(tmp_path / "a", rounds(2, lost=500)), tmp_path / "b")
    twice = thin(once, tmp_path / "c")
    assert once.read_text().splitlines()[1:] == twice.read_text().splitlines()[1:]


def test_what_cannot_be_as_small_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="bytes, more than 100"):
        thinned(tmp_path, rounds(1, lost=1), most_bytes=100)


def test_the_command_makes_the_report_of_the_thinned_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path / "samples.ndjson", rounds(1, lost=3))
    assert __main__.main([str(file), str(tmp_path / "out"), "--thin"]) == 0
    assert f"wrote {tmp_path / 'out' / 'samples-thinned.ndjson'}" in capsys.readouterr().out
    assert 'href="./samples-thinned.ndjson"' in (tmp_path / "out" / "report.html").read_text()
