"""The report of a comparison: verdicts by stated rules, whatever the samples are like."""

import io
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from rich.console import Console

from lbdisc_compare.records import Absence, Breakdown, Noted
from lbdisc_compare.report import __main__, terminal
from lbdisc_compare.report.choosing import QUESTIONS
from lbdisc_compare.report.page import Report, composed, page, summary
from lbdisc_compare.report.reading import read
from lbdisc_compare.report.rules import RULES, Verdicts, verdicts
from lbdisc_compare.report.series import all_series
from lbdisc_compare.report.wording import told
from lbdisc_compare.report.writing import write
from support.compare_samples import KNOWN, WAYS, a_run, cell, header, reading, samples, written

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>|`*$x_1$ {{ 7 * 7 }}\x00\x1b[31m'


def report(path: Path, lines: Iterable[Noted]) -> Report:
    return composed(read(written(path / "samples.ndjson", lines)), KNOWN, "./samples.ndjson")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of the invented run."""
    return report(tmp_path_factory.mktemp("run"), a_run())


def judged(path: Path, lines: Iterable[Noted]) -> Verdicts:
    """The verdicts, without any drawing."""
    found = reading(path / "samples.ndjson", lines)
    return verdicts(found, all_series(found))


def joins(name: str, *values: float, busy: float = 0.0) -> list[Noted]:
    its = samples(name, values, measure="join", figure="join_served", unit="ms")
    return list(cell(name, "join", *its, busy=busy))


@pytest.mark.parametrize(
    ("milliseconds", "mark"), [(20, "good"), (1000, "good"), (1001, "fair"), (20_000, "poor")]
)
def test_a_mark_follows_from_the_rule(tmp_path: Path, milliseconds: float, mark: str) -> None:
    found = judged(tmp_path, [header(), *joins("etcd", milliseconds)])
    assert found.of("etcd", "join").mark == mark


def test_of_several_conditions_the_worst_counts(tmp_path: Path) -> None:
    lines = [
        *samples("etcd", [1.0], measure="crash", figure="crash_rotation_s", how="killed"),
        *samples("etcd", [9.0], measure="crash", figure="crash_rotation_s", how="frozen"),
    ]
    verdict = judged(tmp_path, [header(), *cell("etcd", "crash", *lines)]).of("etcd", "crash")
    assert (verdict.mark, verdict.value) == ("fair", 9.0)
    assert "how frozen" in verdict.reason


def test_a_busy_machine_gets_no_verdict_and_no_ratio(tmp_path: Path) -> None:
    lines = [header(), *joins("etcd", 20, busy=0.5), *joins("file", 5, busy=0.5)]
    found = report(tmp_path, lines)
    assert found.verdicts.of("etcd", "join").mark == "busy"
    assert "refused: busy" in page(found)
    assert found.duels[0].result.startswith("no comparison")


def test_what_was_not_measured_says_why(tmp_path: Path) -> None:
    lines = [
        header(),
        Absence(way="traefik", why="no traefik here"),
        *cell("etcd", "join", Breakdown(way="etcd", measure="join", why="no etcd")),
    ]
    found = judged(tmp_path, lines)
    assert found.of("traefik", "join").reason == "not measured: no traefik here"
    assert found.of("etcd", "join").reason == "not measured: failed: no etcd"
    assert found.of("file", "join").reason == "not measured: the run did not come to it"


def test_each_set_of_answers_has_its_answer(whole: Report) -> None:
    found = whole
    assert len(found.answers) == 2 ** len(QUESTIONS)
    assert len({answer.choices for answer in found.answers}) == len(found.answers)
    for answer in found.answers:
        assert len(answer.sentences) == len(QUESTIONS)


def test_who_wants_no_servers_is_not_sent_to_one(whole: Report) -> None:
    for answer in whole.answers:
        if answer.choices[0] == "no":
            assert answer.way == "file"


def test_the_best_of_ours_is_put_against_the_best_of_the_others(whole: Report) -> None:
    duel = whole.duels[0]
    assert duel.ours is not None
    assert duel.theirs is not None
    assert (duel.ours.way, duel.theirs.way) == ("file", "dns-tuned")
    assert duel.first


def test_a_difference_within_the_noise_is_none(tmp_path: Path) -> None:
    lines = [header(), *joins("etcd", 10, 12, 14, 16), *joins("dns", 11, 13, 15, 17)]
    assert report(tmp_path, lines).duels[0].result == "even: what differs is within the noise"


def test_a_promise_is_no_condition(whole: Report) -> None:
    listed = [one for one in whole.series if one.figure == "crash_list_s"]
    assert {one.promised for one in listed} == {15.0}
    assert all("promised" not in one.conditions for one in listed)


def test_a_figure_that_nobody_knows_is_shown_under_its_name(tmp_path: Path) -> None:
    lines = samples("etcd", [1.0], measure="novel", figure="strangeness", unit="s")
    text = page(report(tmp_path, [header(), *cell("etcd", "novel", *lines)]))
    assert 'id="fig-novel-strangeness"' in text
    assert "Also measured" in text


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "the file has no cells"),
        ([header()], "No cell has ended in this run"),
        ([header(("etcd",)), *joins("etcd", 1)], "A new node serves"),
        ([header(), *joins("etcd", float("nan"))], "is nan, no number"),
        (
            [header(), *cell("etcd", "join", Breakdown(way="etcd", measure="join", why="gone"))],
            "failed: gone",
        ),
    ],
    ids=["empty", "no cell", "one way", "nan", "only failed"],
)
def test_a_report_is_made_and_says_what_is_missing(
    tmp_path: Path, lines: list[Noted], words: str
) -> None:
    found = report(tmp_path, lines)
    assert words in page(found)
    assert summary(found).startswith("# Which way of auto-discovery?")


def test_names_with_markup_stay_text(tmp_path: Path) -> None:
    its = samples(HOSTILE, [1.0, 2.0], measure=HOSTILE, figure=HOSTILE, unit=HOSTILE, where=HOSTILE)
    lines = [header([HOSTILE]), *cell(HOSTILE, HOSTILE, *its)]
    found = report(tmp_path, lines)
    text = page(found)
    assert "<script" not in text
    assert "<img" not in text
    assert "\x00" not in text
    assert "<script" not in summary(found)
    assert len(summary(found).split("## Where you outgrow")[0].splitlines()) < 60


def removals(name: str, guards: Iterable[bool]) -> list[Noted]:
    its = [
        one
        for guard in guards
        for k in range(1, 9)
        for one in samples(
            name,
            [0.0 if guard else float(k)],
            measure="removals",
            figure="idle_wrongly",
            unit="count",
            k=k,
            guard=guard,
        )
    ]
    return list(cell(name, "removals", *its))


def test_who_has_a_guard_is_judged_with_it(tmp_path: Path) -> None:
    lines = [header(), *removals("etcd", [True, False]), *removals("dns", [False])]
    found = judged(tmp_path, lines)
    assert (found.of("etcd", "removals").value, found.of("dns", "removals").value) == (0.0, 8.0)


def test_few_values_under_many_conditions_are_a_grid_with_and_without_the_guard(
    tmp_path: Path,
) -> None:
    found = report(tmp_path, [header(("etcd",)), *removals("etcd", [True, False])])
    (plate,) = found.chapters[0].plates
    assert plate.charts == ()
    assert plate.upright
    assert {"guard on, k 1", "guard off, k 1"} <= set(plate.grid)
    assert "guard off, k 8" in page(found)


def test_all_links_on_the_page_lead_somewhere(whole: Report) -> None:
    text = page(whole)
    places = set(re.findall(r' id="([^"]+)"', text))
    links = set(re.findall(r'href="#([^"]+)"', text))
    assert links <= places
    assert len(re.findall(r'href="(?!#|\./|data:)', text)) == 0


def test_simulated_and_measured_share_no_series(whole: Report) -> None:
    assert "detection" not in {one.figure for one in whole.series}
    assert [one.figure for one in whole.beyond] == ["detection"]


def test_the_rules_are_on_the_page(whole: Report) -> None:
    text = page(whole)
    assert [rule.stated for rule in RULES if rule.stated not in text] == []


def test_page_summary_and_pictures_are_written(tmp_path: Path) -> None:
    file = written(tmp_path / "samples.ndjson", a_run())
    names = [path.name for path in write(file, tmp_path / "out", KNOWN)]
    assert names == ["report.html", "summary.md", "picture-light.svg", "picture-dark.svg"]
    assert "var(--" not in (tmp_path / "out" / "picture-dark.svg").read_text()
    assert 'href="./../samples.ndjson"' in (tmp_path / "out" / "report.html").read_text()


def test_the_same_samples_make_the_same_page(tmp_path: Path, whole: Report) -> None:
    again = report(tmp_path, a_run())
    assert page(whole) == page(again)


def test_the_terminal_shows_every_way_and_why_figures_are_missing(tmp_path: Path) -> None:
    out = io.StringIO()
    file = written(tmp_path / "samples.ndjson", a_run())
    Console(file=out, width=220).print(terminal.table(file, KNOWN))
    assert all(name in out.getvalue() for name in WAYS)
    assert "traefik: not measured: the program traefik is not on this machine" in out.getvalue()


def test_a_file_that_is_not_there_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert __main__.main([str(tmp_path / "none"), str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"{tmp_path / 'none'}: No such file or directory\n"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.00042, "s", "420 µs"),
        (12.34, "ms", "12.3 ms"),
        (15_000, "ms", "15 s"),
        (1, "requests", "1 request"),
        (123_456, "bytes/s", "123 kB/s"),
        (0.25, "share", "25 %"),
        (0, "s", "0 s"),
    ],
)
def test_figures_are_told_as_people_read_them(value: float, unit: str, text: str) -> None:
    assert told(value, unit) == text
