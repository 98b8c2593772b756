"""Values: strict when made, equal when equal, comparable over time."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbdisc import Change, Endpoint, Snapshot
from lbdisc.errors import EntryError
from lbdisc.values import Problem


def endpoint(name: str = "s1", **parts: object) -> Endpoint:
    known: dict[str, object] = {"service": "nodes", "address": "10.0.0.1", "port": 3000}
    return Endpoint(name=name, **{**known, **parts})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "parts",
    [
        {"name": ""},
        {"name": "a b"},
        {"name": "s1\n    server evil 10.6.6.6:80"},
        {"name": "-s1"},
        {"name": "x" * 256},
        {"name": "é"},
        {"service": "no/des"},
        {"service": ".."},
        {"address": ""},
        {"address": "10.0.0"},
        {"address": "10.0.0.1 check"},
        {"address": "1e3.5.6.7\n"},
        {"address": "0.0.0.0"},
        {"address": "224.0.0.1"},
        {"address": "fe80::1%eth0"},
        {"address": "-a.example"},
        {"address": 167772161},
        {"port": 0},
        {"port": 65536},
        {"port": "80"},
        {"port": True},
        {"port": 80.0},
        {"weight": -1},
        {"weight": 257},
        {"state": "up"},
        {"tags": {"zone": "a\nb"}},
        {"tags": {"zo ne": "a"}},
        {"tags": {"zone": 5}},
        {"tags": "zone=a"},
        {"tags": [("a",)]},
        {"tags": {f"t{n}": "" for n in range(65)}},
        {"tags": {f"t{n}": "x" * 1000 for n in range(9)}},
        {"tags": {f"t{n}": "\u20ac" * 1000 for n in range(3)}},
    ],
)
def test_what_breaks_a_rule_is_no_endpoint(parts: dict[str, object]) -> None:
    with pytest.raises(EntryError) as caught:
        endpoint(**parts)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("address", ["10.0.0.1", "::1", "2001:db8::7", "node-1.example", "s_1"])
def test_addresses_and_host_names_are_taken(address: str) -> None:
    assert endpoint(address=address).address == address


def test_an_ipv6_address_becomes_canonical_and_stands_in_brackets() -> None:
    assert endpoint(address="2001:DB8:0::1").host_port == "[2001:db8::1]:3000"


def test_tags_are_sorted_whatever_they_came_as() -> None:
    assert endpoint(tags={"b": "2", "a": "1"}) == endpoint(tags=(("a", "1"), ("b", "2")))
    assert endpoint(tags={"zone": "a"}).tag("zone") == "a"
    assert endpoint().tag("zone", "none") == "none"


def test_order_of_arrival_makes_no_difference() -> None:
    members = [endpoint("s1"), endpoint("s2"), endpoint("s3", service="api")]
    snapshots = {Snapshot.of(order) for order in itertools.permutations(members)}
    assert len(snapshots) == 1


def test_problems_do_not_count_for_equality() -> None:
    assert Snapshot.of([], [Problem("a", "b")]) == Snapshot()


def test_since_tells_what_came_went_and_changed() -> None:
    before = Snapshot.of([endpoint("s1"), endpoint("s2")])
    after = Snapshot.of([endpoint("s2", weight=5), endpoint("s3")])
    assert after.since(before) == Change(
        added=(endpoint("s3"),), removed=(endpoint("s1"),), changed=(endpoint("s2", weight=5),)
    )
    assert not before.since(before)


def test_only_keeps_the_wanted_services() -> None:
    snapshot = Snapshot.of([endpoint("s1"), endpoint("s1", service="api")])
    assert [e.service for e in snapshot.only(["api"]).endpoints] == ["api"]
    assert list(snapshot.services) == ["api", "nodes"]


@given(
    before=st.sets(st.sampled_from("abcdef")),
    put=st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3)), max_size=6),
    gone=st.sets(st.sampled_from("abcdef")),
)
def test_a_patched_snapshot_is_what_making_it_anew_gives(
    before: set[str], put: list[tuple[str, int]], gone: set[str]
) -> None:
    expected = {name: endpoint(name) for name in before - gone}
    expected.update({name: endpoint(name, weight=weight) for name, weight in put})
    patched = Snapshot.of(map(endpoint, before)).patched(
        [endpoint(name, weight=weight) for name, weight in put],
        [("nodes", name) for name in gone],
    )
    assert patched == Snapshot.of(expected.values())


@given(st.text(max_size=300))
def test_a_name_is_taken_or_refused_and_never_holds_a_space(text: str) -> None:
    try:
        name = endpoint(text).name
    except EntryError:
        return
    assert name == text
    assert not set(name) & set(" \t\n\r;#\"'\\{}")


def test_a_service_of_lbdiscs_own_is_never_public() -> None:
    ours = Endpoint(service="_agents", name="lb1", address="10.0.0.9", port=1)
    others = [replace(ours, service=service) for service in ("Web", "a", "web")]
    assert Snapshot.of([ours, *others]).public == Snapshot.of(others)
    assert Snapshot.of(others).public == Snapshot.of(others)
    assert Snapshot().public == Snapshot()


@pytest.mark.parametrize("service", ["_", "__agents", "_.x", "_a b", "_" + "a" * 256])
def test_a_bad_name_after_the_underscore_is_refused(service: str) -> None:
    with pytest.raises(EntryError, match="bad service"):
        Endpoint(service=service, name="lb1", address="10.0.0.9", port=1)


def test_an_endpoints_name_does_not_begin_with_an_underscore() -> None:
    with pytest.raises(EntryError, match="bad name"):
        Endpoint(service="web", name="_one", address="10.0.0.9", port=1)
