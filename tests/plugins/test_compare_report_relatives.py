"""Ways that a relative stands for, and ways that are not there: each said in its place, quietly."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc_compare.records import Absence, Noted
from lbdisc_compare.report.page import Report, composed, page, summary
from lbdisc_compare.report.relatives import stand_in
from support.compare_samples import KNOWN, cell, header, reading, samples

WHY = "see etcd: three members show what one does, and more (--ways zookeeper measures it)"


def lines() -> Iterator[Noted]:
    yield header(("etcd", "zookeeper", "traefik"))
    yield Absence(way="traefik", why="the program traefik is not on this machine")
    its = samples("etcd", [0.0, 2.0], measure="away", figure="lost", unit="requests")
    yield from cell("etcd", "away", *its)
    yield from cell("zookeeper", "away", Absence(way="zookeeper", measure="away", why=WHY))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    path: Path = tmp_path_factory.mktemp("relatives") / "samples.ndjson"
    return composed(reading(path, lines()), KNOWN, "./samples.ndjson")


def test_a_reason_names_the_relative() -> None:
    found = stand_in(WHY)
    assert found is not None
    assert (found.way, found.why) == ("etcd", "three members show what one does, and more")
    assert stand_in("failed: see the log: nothing") is None


def test_who_was_left_out_for_a_relative_is_no_failure(report: Report) -> None:
    verdict = report.verdicts.of("zookeeper", "away")
    assert verdict.mark == "related"
    assert "not measured" not in verdict.reason


def test_the_page_links_to_the_relative(report: Report) -> None:
    text = page(report)
    assert 'href="#fig-way-etcd" title="three members show what one does, and more"' in text
    assert 'id="fig-way-etcd"' in text


def test_a_relative_takes_no_row_of_chart_or_table(report: Report) -> None:
    (plate,) = report.chapters[0].plates
    assert [line.way for line in plate.lines] == ["etcd", "traefik"]
    assert [line.way for line in plate.related] == ["zookeeper"]


def test_a_program_that_is_not_there_is_said_once_in_the_row_of_its_way(report: Report) -> None:
    table = page(report).split('<table class="verdicts">')[1].split("</table>")[0]
    seen = re.sub(r' title="[^"]*"', "", table)
    assert seen.count("traefik is not on this machine") == 1


def test_the_summary_names_the_relative(report: Report) -> None:
    assert "↗ etcd" in summary(report)


def test_a_relative_that_is_not_in_the_run_is_a_reason_like_another(tmp_path: Path) -> None:
    its = [
        header(("zookeeper",)),
        *cell("zookeeper", "away", Absence(way="zookeeper", measure="away", why=WHY)),
    ]
    found = composed(reading(tmp_path / "s.ndjson", its), KNOWN, "./s.ndjson")
    assert found.verdicts.of("zookeeper", "away").mark == "absent"
