"""Events in words: the same for whoever shows them."""

import dataclasses
from typing import Any

import pytest

from lbdisc import Endpoint, Lease, Problem, events
from lbdisc.events import Cause
from lbdisc.events.entries import entry_of
from lbdisc.events.went import gone
from lbdisc.events.wording import sentence, words

S1 = Endpoint(service="nodes", name="s1", address="10.0.0.1", port=3000)
S2 = dataclasses.replace(S1, name="s2")
SEEN = 1_000_011.0  # 13:46:51
ETCD = Cause(source="etcd", revision="7")


def lease(**parts: Any) -> dict[str, Any]:
    return {"service": "nodes", "name": "s1", "by": "lease 1f", "ttl_s": 10.0, **parts}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "its lease ended, or its entry was deleted"),
        (
            lease(),
            "its lease 1f ended (good for 10 s, no renewal after 13:46:41),"
            " or its entry was deleted",
        ),
        (
            lease(end="expired", renewed_s=SEEN - 9.5),
            "its lease 1f ended (good for 10 s, last renewal seen 13:46:41)",
        ),
        (lease(end="deleted"), "its entry was deleted (lease 1f)"),
        (lease(end="failed", by="member s1", ttl_s=None), "its member s1 failed"),
        (lease(by=""), "its entry, which has no lease, was deleted"),
    ],
)
def test_how_an_entry_went_is_told_as_far_as_it_is_known(found: Any, said: str) -> None:
    assert gone(found, "etcd", SEEN) == said


def applied(**parts: Any) -> events.GenerationApplied:
    its: dict[str, Any] = {"generation": 2, "digest": "d", "how": "runtime", "ms": 4.2}
    return events.GenerationApplied(**{**its, **parts})


def test_one_that_vanished_is_told_with_its_lease() -> None:
    its = Lease(service="nodes", name="s1", by="lease 1f")
    news = events.RegistryNews(went=(S1,), leases=(its,), total=0, cause=ETCD)
    told = words(entry_of(applied(went=(S1,), cause=ETCD)), [entry_of(news)])
    assert told.startswith("nodes/s1 vanished: its lease 1f ended, or its entry was deleted (etcd")


def test_of_several_that_vanished_no_single_lease_is_told() -> None:
    its = Lease(service="nodes", name="s1", by="lease 1f")
    news = events.RegistryNews(went=(S1, S2), leases=(its,), total=0, cause=ETCD)
    told = words(entry_of(applied(went=(S1, S2), cause=ETCD)), [entry_of(news)])
    assert told.startswith("nodes/s1, nodes/s2 vanished: its lease ended, or its entry")


def test_a_sentence_leaves_the_cause_to_who_shows_it_beside() -> None:
    event = applied(came=(S1,), cause=ETCD)
    assert sentence(event) == "nodes/s1 joined; applied at run time in 4.2 ms, generation 2"


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (events.StateKept(file="/x/y"), "state kept again: file /x/y"),
        (events.FleetSeen(agents=()), "agents"),
        (
            events.Drifted(generation=1, found="server a drains", repaired=False),
            "the load balancer ran something else: server a drains; nothing is done, as it is"
            " paused",
        ),
        (
            events.EntriesSkipped(entries=(Problem("nodes/x", "bad port"),)),
            "skipped: nodes/x: bad port",
        ),
    ],
    ids=lambda given: getattr(given, "name", None),
)
def test_every_kind_has_words(event: events.Event, said: str) -> None:
    assert sentence(event) == said


def test_what_a_registry_says_is_harmless_in_words() -> None:
    assert sentence(events.SettingsRefused(error="\x1b[31m\nred")).isprintable()
