"""The report of the lab: what it says, and that a failure cannot be overlooked."""

from dataclasses import replace

import pytest

from lbdisc_lab.tasks.evidence import Evidence, ListedServer, quiet
from lbdisc_lab.tasks.report import render, section, verdict
from lbdisc_lab.tasks.values import Image, LabReport, Task, TaskStart, TaskStep
from lbdisc_lab.traffic import Counts, Loss

SERVER = ListedServer(name="s1", host="3fa2", address="172.18.0.3:3000", status="UP")
STEP = TaskStep(
    name="6-1",
    title="start <s1>",
    wanted="s1 is up",
    commands=("docker run --name s1",),
    seconds=1.234,
    counts=Counts(requests=30, served=30),
    apart={"HAProxy is dead": 2},
    evidence=Evidence(servers=(SERVER,), config="x\nbackend nodes\n  server a\n\nfrontend stats\n"),
)
IMAGES = (
    Image(name="lbdisc/base", identity="aa", size=183_000_000, layers=("l1", "l2")),
    Image(name="lbdisc/ha", identity="bb", size=190_000_000, layers=("l1", "l2", "l3")),
)


def report(*steps: TaskStep) -> LabReport:
    return LabReport(
        backend="serf",
        rate=100,
        versions={"HAProxy": "3.0"},
        images=IMAGES,
        tasks=(Task(name="6", title="Task 6", question="?", steps=steps, backend="serf"),),
        starts=(TaskStart(what="a node", seconds=(3.0, 1.0, 2.0)),),
    )


def test_a_good_run_says_that_no_request_was_lost() -> None:
    good = report(STEP)
    assert good.ok
    assert verdict(good)[0].startswith(
        "1 of 1 steps as wanted; 30 requests served, 0 lost, 2 apart"
    )
    assert verdict(good)[-1].endswith("no request was lost.")


def test_what_was_seen_elsewhere_than_in_the_statistics_is_named() -> None:
    good = report(STEP, replace(STEP, name="6-2", where="the log of s1"))
    assert verdict(good)[-1] == (
        "1 of 2 steps were seen in HAProxy's own statistics, 6-2 in the log of s1;"
        " no request was lost."
    )


def test_what_was_not_to_be_played_is_named() -> None:
    part = replace(report(STEP), left_out=("task 0", "the starts"))
    assert part.ok
    assert "Not played, as nobody asked for it: task 0, the starts." in render(part, "report.md")


@pytest.mark.parametrize("name", ["report.md", "report.html"])
def test_a_picture_that_failed_fails_the_run_and_is_in_the_report(name: str) -> None:
    bad = report(replace(STEP, evidence=Evidence(flaw="no picture: it hangs")))
    assert not bad.ok
    assert "FAILED: 6-1 start" in render(bad, name)
    assert "no picture: it hangs" in render(bad, name)


def test_a_lost_request_fails_the_run_and_is_named() -> None:
    bad = report(replace(STEP, losses=(Loss(at=1, reason="reset", after=0.1),)))
    assert not bad.ok
    assert "FAILED: 6-1 start <s1>: 1 request lost: 1 × reset" in verdict(bad)


def test_a_step_that_was_not_reached_is_named_once() -> None:
    bad = replace(report(replace(STEP, missing="no s2")), missing=("Task 6: reload: no s2",))
    assert [line for line in verdict(bad) if "no s2" in line] == ["FAILED: 6-1 start <s1>: no s2"]


def test_the_page_escapes_what_it_shows() -> None:
    page = render(report(STEP), "report.html")
    assert "start &lt;s1&gt;" in page
    assert "start <s1>" not in page


def test_the_text_has_a_row_for_each_step_and_the_median_of_the_starts() -> None:
    text = render(report(STEP), "report.md")
    assert "| 6-1 | start <s1> | 1.23 s | 30 | 0 | 2 | 0 | s1 |" in text
    assert "| a node | 2.00 s | 3.00 s, 1.00 s, 2.00 s |" in text


def test_layers_of_the_base_are_told_apart() -> None:
    assert report(STEP).base_layers == ("l1", "l2")
    assert "<b>l2</b> l3" in render(report(STEP), "report.html")


def test_the_section_of_the_nodes_ends_where_the_next_begins() -> None:
    assert section(STEP.evidence.config) == "backend nodes\n  server a"


def test_lines_of_requests_are_counted_and_left_out() -> None:
    log = 'a\nx "GET / HTTP/1.1"\ny "GET / HTTP/1.1"\nb'
    assert quiet(log) == "a\n(2 lines of requests)\nb"
