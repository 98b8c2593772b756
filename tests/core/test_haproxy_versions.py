"""What depends on HAProxy's version."""

import pytest

from lbdisc.haproxy.versions import DYNAMIC, NEGATIONS, STATIC, read_version


@pytest.mark.parametrize(
    ("text", "version"),
    [("2.6.12-1+deb12u4", (2, 6, 12)), ("3.3-dev2", (3, 3, 2)), ("3.0", (3, 0, 0))],
)
def test_versions_are_numbers(text: str, version: tuple[int, int, int]) -> None:
    assert read_version(text) == version


def test_a_keyword_stands_in_one_table() -> None:
    assert not DYNAMIC.keys() & STATIC.keys()
    assert not NEGATIONS.keys() & (DYNAMIC.keys() | STATIC.keys())
    assert set(NEGATIONS.values()) <= DYNAMIC.keys()
