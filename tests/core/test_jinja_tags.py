"""What templates make of tags: whether one is set, and a share of the traffic for who has it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbdisc import Endpoint
from lbdisc.builtin.jinja2.tags import is_tagged, shared


def node(name: str, weight: int = 100, **tags: str) -> Endpoint:
    return Endpoint(
        service="web",
        name=name,
        address="10.0.0.1",
        port=80,
        weight=weight,
        tags=tuple(tags.items()),
    )


def nodes(count: int, weight: int = 100, *, first: str = "s", **tags: str) -> list[Endpoint]:
    return [node(f"{first}{number:05d}", weight, **tags) for number in range(count)]


def share(endpoints: list[Endpoint], percent: float) -> float:
    """What the canaries get of all that ``endpoints`` get, in percent."""
    found = shared(endpoints, "canary", percent)
    assert all(0 <= each.weight <= 256 for each in found)
    assert [each.name for each in found] == [each.name for each in endpoints]
    canaries = sum(each.weight for each in found if is_tagged(each, "canary"))
    return 100 * canaries / sum(each.weight for each in found)


@pytest.mark.parametrize(
    ("tags", "wanted", "expected"),
    [
        ({"canary": "true"}, "canary", True),
        ({"canary": "7"}, "canary", True),
        ({"canary": "False"}, "canary", False),
        ({"canary": ""}, "canary", False),
        ({}, "canary", False),
        ({"version": "2"}, "version=2", True),
        ({"version": "2.1"}, "version=2", False),
        ({}, "version=", False),
        ({"a": "b"}, "", False),
    ],
)
def test_a_tag_is_there_or_has_a_text(tags: dict[str, str], wanted: str, expected: bool) -> None:
    assert is_tagged(replace(node("a"), tags=tuple(tags.items())), wanted) == expected


@pytest.mark.parametrize(("old", "new"), [(1, 1), (3, 1), (20, 1), (9, 9), (200, 20), (3, 40)])
@pytest.mark.parametrize("percent", [0, 1, 5, 20, 50, 90, 100])
def test_canaries_get_their_share_however_many_they_are(old: int, new: int, percent: int) -> None:
    endpoints = [*nodes(old), *nodes(new, first="c", canary="yes")]
    assert share(endpoints, percent) == pytest.approx(percent, abs=0.5, rel=0.12)


@pytest.mark.parametrize("weight", [1, 2, 256])
def test_small_weights_leave_room_for_a_small_share(weight: int) -> None:
    endpoints = [*nodes(1, weight), *nodes(1, weight, first="c", canary="yes")]
    assert share(endpoints, 1) == pytest.approx(1, rel=0.2)


def test_who_is_alone_gets_everything() -> None:
    canaries = nodes(2, canary="yes")
    assert shared(canaries, "canary", 0) == canaries
    draining = [node("old").drain(), node("idle", 0), *canaries]
    assert shared(draining, "canary", 5) == draining
    backups = [node("spare", spare="yes"), *canaries]
    assert shared(backups, "canary", 5, "spare") == backups


def test_whose_weight_stays_is_the_same_object_and_another_join_changes_few() -> None:
    before = [*nodes(100), *nodes(4, first="zc", canary="yes")]
    first = shared(before, "canary", 5)
    second = shared([node("new"), *before], "canary", 5)
    assert all(one is two for one, two in zip(first[:100], second[1:101], strict=True))
    again = shared(list(before), "canary", 5)
    assert all(one is two for one, two in zip(first, again, strict=True))


WEIGHTS = st.lists(st.integers(0, 256), max_size=12)


@given(old=WEIGHTS, new=WEIGHTS, percent=st.floats(0, 100))
def test_weights_stay_whole_numbers_in_range(
    old: list[int], new: list[int], percent: float
) -> None:
    endpoints = [
        *(node(f"s{number}", weight) for number, weight in enumerate(old)),
        *(node(f"z{number}", weight, canary="1") for number, weight in enumerate(new)),
    ]
    found = shared(endpoints, "canary", percent)
    assert all(0 <= each.weight <= 256 for each in found)
    assert any(each.weight for each in found) == any((*old, *new))
    assert all(after.weight == 0 for after, b in zip(found, endpoints, strict=True) if not b.weight)
