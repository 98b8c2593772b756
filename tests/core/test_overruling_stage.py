"""Operators' words as a stage of the pipeline: pure, and the guard's side of it stays whole."""

from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbdisc import Endpoint, Snapshot
from lbdisc.handshake import asks
from lbdisc.state.overruling import Override, Overrides, Term, stranded

NAMES = ("s1", "s2", "s3")
TERM = Term(by="ana (1000)", since_s=100.0, why="its disk", for_s=60.0)
How = Literal["drain", "disable", "weight"]


def endpoint(name: str = "s1", **parts: object) -> Endpoint:
    return Endpoint(service="nodes", name=name, address="10.0.0.1", port=3000, **parts)  # type: ignore[arg-type]


def override(how: How, name: str = "s1", weight: int = 7) -> Override:
    its = weight if how == "weight" else None
    return Override(service="nodes", name=name, how=how, weight=its, term=TERM)


def overruled(snapshot: Snapshot, *overrides: Override) -> Snapshot:
    return Overrides.of(overrides).overruled(snapshot)


endpoints = st.builds(
    endpoint,
    st.sampled_from(NAMES),
    weight=st.integers(0, 256),
    state=st.sampled_from(["ready", "draining"]),
    tags=st.sampled_from([(), (("lbdisc.drain", "abcd"),), (("zone", "a"),)]),
)
snapshots = st.lists(endpoints).map(Snapshot.of)
words = st.lists(
    st.builds(override, st.sampled_from(["drain", "disable", "weight"]), st.sampled_from(NAMES))
).map(Overrides.of)


@given(snapshots, words)
def test_others_stay_and_the_registrys_word_can_be_had_back(
    snapshot: Snapshot, overrides: Overrides
) -> None:
    found = overrides.overruled(snapshot)
    others = [e for e in snapshot.endpoints if e.key not in overrides.by_key]
    assert [e for e in found.endpoints if e.key not in overrides.by_key] == others
    assert overrides.seen(snapshot).restored(found) == snapshot
    assert overrides.overruled(found) == found


@given(snapshots, words)
def test_nobody_is_made_to_ask_for_a_drain_or_to_take_traffic(
    snapshot: Snapshot, overrides: Overrides
) -> None:
    for found in overrides.overruled(snapshot).endpoints:
        its = snapshot.get(found.key)
        assert its is not None
        assert not asks(found) or asks(its)
        assert not its.draining or found == its


@given(words)
def test_what_is_kept_is_read_as_it_was(overrides: Overrides) -> None:
    assert (
        Overrides.of(Override.from_object(each.to_object()) for each in overrides.all) == overrides
    )


def test_each_word_does_its_own() -> None:
    snapshot = Snapshot.of([endpoint(weight=50), endpoint("s2")])
    drained, weighed = (
        overruled(snapshot, override("drain")),
        overruled(snapshot, override("weight")),
    )
    assert drained.get(("nodes", "s1")) == endpoint(weight=50, state="draining")
    assert weighed.get(("nodes", "s1")) == endpoint(weight=7)
    assert overruled(snapshot, override("disable")) == Snapshot.of([endpoint("s2")])
    assert overruled(snapshot, override("disable", "s9")) is snapshot


def test_a_drain_of_an_operator_bears_no_name_that_an_agent_acknowledges() -> None:
    ready = endpoint(tags=(("lbdisc.drain", "abcd"), ("zone", "a")))
    found = overruled(Snapshot.of([ready]), override("drain")).endpoints[0]
    assert (found.draining, found.tags) == (True, (("zone", "a"),))


@pytest.mark.parametrize("how", ["drain", "disable"])
def test_the_last_that_takes_traffic_is_noticed(how: How) -> None:
    before = Snapshot.of([endpoint(), endpoint("s2", weight=0)])
    assert stranded(before, overruled(before, override(how)), "nodes")
    assert not stranded(before, overruled(before, override(how, "s2")), "nodes")


def test_a_clock_that_was_set_back_makes_nothing_longer() -> None:
    term = TERM.not_later(20.0)
    assert (term.until_s, term.is_over(79.0), term.is_over(80.0)) == (80.0, False, True)
    assert not replace(term, for_s=None).is_over(float("inf"))
