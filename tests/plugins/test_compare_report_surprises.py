"""What surprises in a run, and why lbdisc is not first: computed, with the command to repeat it."""

import io
from collections.abc import Iterable
from pathlib import Path

import pytest
from rich.console import Console

from lbdisc_compare.contenders.contender import Promises
from lbdisc_compare.records import Noted
from lbdisc_compare.report import terminal
from lbdisc_compare.report.known import Catalogues, WayKnown
from lbdisc_compare.report.page import Report, composed, page, summary
from lbdisc_compare.report.repeating import command
from support.compare_samples import KNOWN, cell, header, reading, samples, written


def report(path: Path, *lines: Iterable[Noted], known: Catalogues = KNOWN) -> Report:
    made = [header(), *(one for each in lines for one in each)]
    return composed(reading(path / "samples.ndjson", made), known, "./samples.ndjson")


def joins(way: str, *served: float, written: float = 0.0, busy: float = 0.02) -> list[Noted]:
    its = samples(way, served, measure="join", figure="join_served", unit="ms")
    if written:
        its += samples(way, [written] * 3, measure="join", figure="join_written", unit="ms")
        its += samples(way, [written + 1] * 3, measure="join", figure="join_snapshot", unit="ms")
    return list(cell(way, "join", *its, busy=busy))


def crash(way: str, *seconds: float) -> list[Noted]:
    its = samples(way, seconds, measure="crash", figure="crash_list_s", unit="s", promised=15.0)
    return list(cell(way, "crash", *its))


def lost(way: str, *requests: float, measure: str = "away") -> list[Noted]:
    its = samples(way, requests, measure=measure, figure="lost", unit="requests", kind="new")
    return list(cell(way, measure, *its))


def without_registry(name: str) -> Catalogues:
    """What is known, where an outsider needs nothing and promises nothing."""
    promises = Promises(
        servers="none", ports="", quorum="", clock="", words="", shows_in="crash", crash_bound=None
    )
    way = WayKnown(name=name, title=name, family="outsider", promises=promises)
    return Catalogues(ways={**KNOWN.ways, name: way}, measures=KNOWN.measures)


def test_a_broken_promise_is_a_surprise(tmp_path: Path) -> None:
    (found,) = report(tmp_path, crash("serf-lan", 10.0, 30.0)).surprises
    assert (found.kind, found.worse.way, found.score) == ("promise", "serf-lan", 2.0)
    assert "came to 30 s, 15 s are promised" in found.text(KNOWN)


def test_a_promise_that_held_but_for_a_hair_is_none(tmp_path: Path) -> None:
    assert report(tmp_path, crash("serf-lan", 10.0, 15.0, 15.7)).surprises == ()


def test_requests_that_one_lost_and_others_did_not_are_a_surprise(tmp_path: Path) -> None:
    (found,) = report(tmp_path, lost("dns", 40.0), lost("etcd", 0.0), lost("file", 0.0)).surprises
    assert (found.kind, found.none) == ("lost", ("etcd", "file"))
    assert found.command == "lbdisc compare --only away --ways dns,etcd --quick --out again"


def test_what_most_lose_is_none(tmp_path: Path) -> None:
    found = report(tmp_path, lost("dns", 40.0), lost("etcd", 3.0), lost("file", 0.0)).surprises
    assert found == ()


@pytest.mark.parametrize(
    ("slow", "quick", "kinds"),
    [
        ((90.0, 100.0, 110.0), (9.0, 10.0, 11.0), ["ratio"]),
        ((9.0, 100.0, 110.0), (8.0, 10.0, 11.0), []),  # they overlap
        ((90.0, 100.0), (9.0, 10.0), []),  # too few
        ((15.0, 16.0, 17.0), (9.0, 10.0, 11.0), []),  # not twice
        ((0.9, 0.9, 0.9), (0.1, 0.1, 0.1), []),  # nobody notices
    ],
)
def test_a_ratio_is_a_surprise_where_it_is_no_chance(
    tmp_path: Path, slow: tuple[float, ...], quick: tuple[float, ...], kinds: list[str]
) -> None:
    found = report(tmp_path, joins("dns", *slow), joins("file", *quick)).surprises
    assert [one.kind for one in found] == kinds


def test_a_busy_machine_surprises_nobody(tmp_path: Path) -> None:
    busy = joins("dns", 90.0, 95.0, 99.0, busy=0.9), joins("file", 1.1, 1.2, 1.3, busy=0.9)
    assert report(tmp_path, *busy).surprises == ()


def test_kinds_take_turns_and_each_measure_comes_once(tmp_path: Path) -> None:
    found = report(
        tmp_path,
        crash("etcd", 60.0),
        crash("file", 90.0),
        lost("dns", 40.0),
        lost("etcd", 0.0),
        joins("dns", 90.0, 95.0, 99.0),
        joins("file", 2.1, 2.2, 2.3),
    ).surprises
    assert [(one.kind, one.worse.way) for one in found] == [
        ("promise", "file"),
        ("lost", "dns"),
        ("ratio", "dns"),
    ]


def test_page_summary_and_terminal_have_each_with_its_command(tmp_path: Path) -> None:
    lines = [header(), *crash("serf-lan", 30.0)]
    path = written(tmp_path / "samples.ndjson", lines)
    found = report(tmp_path, crash("serf-lan", 30.0))
    out = io.StringIO()
    Console(file=out, width=220).print(terminal.table(path, KNOWN))
    again = command(header(), "crash", ["serf-lan"])
    assert [again in text for text in (page(found), summary(found), out.getvalue())] == [True] * 3


def test_a_way_whose_records_never_end_has_nothing_to_remove(tmp_path: Path) -> None:
    known = without_registry("dns")
    found = report(tmp_path, lost("etcd", *[4.0] * 9), lost("dns", *[0.0] * 9), known=known)
    (duel,) = [one for one in found.duels if one.rule.name == "away"]
    assert "nothing of its kind to remove" in duel.why
    assert duel.needed.startswith("records without an end")


def test_a_join_is_behind_by_its_write_where_that_is_half_of_it(tmp_path: Path) -> None:
    ours = joins("etcd", *([30.0] * 9), written=20.0)
    theirs = joins("dns", *([10.0] * 9), written=2.0)
    duel = report(tmp_path, ours, theirs).duels[0]
    assert duel.why.startswith("the client's write until the registry confirms it takes 18 ms more")


def test_a_join_is_behind_by_its_longest_stage_else(tmp_path: Path) -> None:
    ours = joins("etcd", *([300.0] * 9), written=20.0)
    theirs = joins("dns", *([10.0] * 9), written=19.0)
    duel = report(tmp_path, ours, theirs).duels[0]
    assert "the agent's work on the balancer until the first request: 279 ms" in duel.why


def test_a_way_without_a_registry_has_none_between(tmp_path: Path) -> None:
    ours = joins("etcd", *([30.0] * 9), written=20.0)
    duel = report(tmp_path, ours, joins("dns", *([3.0] * 9)), known=without_registry("dns")).duels[
        0
    ]
    assert duel.why.startswith("dns has no registry between: its client writes what the balancer")


def test_who_is_first_needs_no_reason(tmp_path: Path) -> None:
    duel = report(tmp_path, joins("etcd", *([3.0] * 9)), joins("dns", *([30.0] * 9))).duels[0]
    assert (duel.first, duel.why, duel.needed) == (True, "", "")


def test_without_an_outsider_it_is_said_why_there_is_none(tmp_path: Path) -> None:
    duel = report(tmp_path, joins("etcd", 3.0)).duels[0]
    assert duel.why == "not measured: the run did not come to it"
