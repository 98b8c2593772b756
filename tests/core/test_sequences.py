"""Where two sequences are equal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbdisc.sequences import changed_part, common_ends

Items = st.lists(st.sampled_from("ab"), max_size=9).map(tuple)


@pytest.mark.parametrize(
    ("old", "new", "ends"),
    [
        ("", "", (0, 0)),
        ("abc", "abc", (3, 0)),
        ("abc", "abxc", (2, 1)),
        ("abc", "ac", (1, 1)),
        ("aaa", "aa", (2, 0)),
        ("abc", "xyz", (0, 0)),
    ],
)
def test_equal_starts_and_ends_are_found_and_never_overlap(
    old: str, new: str, ends: tuple[int, int]
) -> None:
    assert common_ends(tuple(old), tuple(new)) == ends


@given(Items, Items)
def test_what_is_equal_is_equal_and_what_is_left_differs(
    old: tuple[str, ...], new: tuple[str, ...]
) -> None:
    start, end = common_ends(old, new)
    assert old[:start] == new[:start]
    assert old[len(old) - end :] == new[len(new) - end :]
    left, right = changed_part(old, new)
    assert len(left) == len(old) - start - end
    if left and right:
        assert left[0] != right[0]
        assert left[-1] != right[-1]
