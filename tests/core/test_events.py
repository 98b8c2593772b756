"""Events: values with a time, told in the log under names that never vary, all in the docs."""

import dataclasses
import re
from pathlib import Path

import pytest
import structlog

from lbdisc import Endpoint, Problem, events
from lbdisc.builtin.journal.journal import Journal, line
from lbdisc.errors import CheckError
from lbdisc.events import base, operator, presence, register, registry, run
from lbdisc.listening.repeats import Repeats, masked

PAGE = Path(__file__).parents[2] / "docs" / "events.md"
KINDS: list[type[events.Event]] = [
    kind
    for part in (base, registry, run, operator, presence, register)
    for kind in vars(part).values()
    if isinstance(kind, type)
    and issubclass(kind, events.Event)
    and kind.__module__ == part.__name__
    if kind.name
]
UNSAID = {"unix_s", "monotonic_s", "again", "times", "stages", "commands", "rendered", "servers"}
S1 = Endpoint(service="nodes", name="s1", address="10.0.0.1", port=3000)


def table() -> str:
    """The table of `docs/events.md`, as the code has it."""
    rows = []
    for kind in KINDS:
        keys = [f"`{f.name}`" for f in dataclasses.fields(kind) if f.name not in UNSAID]
        meaning = " ".join((kind.__doc__ or "").replace("``", "`").split())
        rows.append(
            f"| `{kind.name}` | {kind.level} | `{kind.__name__}` | {', '.join(keys)} | {meaning} |"
        )
    return "\n".join(rows) + "\n"


def said(event: events.Event) -> dict[str, object]:
    return dict(line(event))


def test_the_table_in_the_docs_is_the_code() -> None:
    found = "".join(re.findall(r"^\| `.*\n", PAGE.read_text(), re.MULTILINE))
    assert found == table(), table()


def test_each_name_belongs_to_one_event() -> None:
    names = [kind.name for kind in KINDS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_events_are_frozen_and_have_both_times(kind: type[events.Event]) -> None:
    names = {field.name for field in dataclasses.fields(kind)}
    assert names >= {"unix_s", "monotonic_s", "cause"}
    assert not hasattr(kind, "__dict__") or "__slots__" in vars(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_equal_things_at_two_times_are_equal() -> None:
    assert events.SettingsRefused(error="x") == events.SettingsRefused(error="x")


def test_a_changed_endpoint_is_told_with_old_and_new() -> None:
    now = dataclasses.replace(
        S1, weight=5, state="draining", address="10.0.0.2", tags=(("zone", "a"),)
    )
    event = events.GenerationApplied(generation=1, digest="", how="runtime", changed=((S1, now),))
    assert said(event)["changed"] == (
        "nodes/s1: 10.0.0.1:3000 -> 10.0.0.2:3000, weight 100 -> 5, ready -> draining, tags zone"
    )


def test_the_cause_is_one_key() -> None:
    cause = events.Cause(source="etcd", revision="17")
    event = events.EntriesSkipped(entries=(Problem("nodes/s2", "bad port"),), cause=cause)
    assert said(event) == {"cause": "etcd 17", "entries": "nodes/s2: bad port"}


def test_a_duration_that_is_not_known_is_absent() -> None:
    event = events.GenerationApplied(generation=1, digest="d", how="unchanged")
    assert said(event) == {"generation": 1, "digest": "d", "how": "unchanged", "endpoints": 0}


def test_the_log_tells_a_failure_once_under_its_name() -> None:
    with structlog.testing.capture_logs() as logs:
        for times in (1, 2, 3):
            Journal().hear(
                events.ApplyFailed(
                    generation=2,
                    kind=CheckError.__name__,
                    error=f"at {times}",
                    retry_s=1.0,
                    times=times,
                    again=times > 1,
                )
            )
    assert [(entry["event"], entry["error"]) for entry in logs] == [("not applied", "at 1")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("process 17 died", "process 18 died"),
        ("2026-11-26T09:04:49Z: no answer", "2026-11-27T10:00:00Z: no answer"),
        ("<Worker object at 0x7f3a9c>", "<Worker object at 0x7f11ee>"),
        ("worker 3f2a9c1e exited after 1.25 s", "worker 99aa0cd1 exited after 12 s"),
    ],
)
def test_failures_that_differ_in_numbers_are_one(one: str, other: str) -> None:
    repeats = Repeats()
    assert [repeats.count("E", one), repeats.count("E", other)] == [1, 2]


def test_failures_that_differ_in_words_are_two() -> None:
    repeats = Repeats()
    assert [repeats.count("E", "no host"), repeats.count("E", "no route")] == [1, 1]
    assert masked("no such face") == "no such face"


def test_a_failure_after_it_went_well_is_new() -> None:
    repeats = Repeats()
    repeats.count("E", "x")
    repeats.clear()
    assert repeats.count("E", "x") == 1
