"""The headline: who has the best marks, who else has as many, and how far the run came."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc_compare.contenders.catalogue import all_contenders
from lbdisc_compare.records import Noted
from lbdisc_compare.report.known import Catalogues
from lbdisc_compare.report.page import Report, composed, page
from support.compare_samples import KNOWN, cell, header, reading, samples


def report(path: Path, *, cells: int = 0, **joins: float) -> Report:
    def lines() -> Iterator[Noted]:
        yield dataclasses.replace(header(tuple(joins)), cells=cells)
        for way, value in joins.items():
            its = samples(way, [value], measure="join", figure="join_served", unit="ms")
            yield from cell(way, "join", *its)

    return composed(reading(path / "samples.ndjson", lines()), KNOWN, "./samples.ndjson")


def test_the_best_marks_lead(tmp_path: Path) -> None:
    found = report(tmp_path, cells=2, etcd=20, file=5000)
    assert found.headline == "lbdisc, etcd: good in 1 of 9 properties: the best marks of 2 ways."


def test_of_those_with_the_same_marks_the_count_and_the_soonest_are_named(tmp_path: Path) -> None:
    found = report(tmp_path, cells=3, etcd=20, file=5, dns=5000)
    assert found.headline == (
        "2 of 3 ways share the best marks, good in 1 of 9 properties each: lbdisc, etcd and "
        "lbdisc, file. Of these lbdisc, file joins soonest (5 ms)."
    )


def test_a_run_that_did_not_end_says_how_far_it_came(tmp_path: Path) -> None:
    found = report(tmp_path, cells=9, etcd=20)
    assert found.progress == "1 of 9 cells were run"
    assert found.headline.startswith("So far, ")
    assert "This run has not ended: 1 of 9 cells were run." in page(found)


def test_without_a_number_of_cells_the_verdicts_tell_how_far_it_came(tmp_path: Path) -> None:
    assert report(tmp_path, etcd=20).progress == "the run did not come to 7 of 9 verdicts"


@pytest.mark.parametrize("name", [way.name for way in all_contenders()])
def test_every_way_has_a_name_for_a_narrow_column(name: str) -> None:
    assert len(Catalogues.catalogued().way(name).short) <= 16
