"""What a message repeats of a value: little, on one line, and without looking at the rest."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbdisc.errors import shown
from lbdisc.showing import plain


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


def nested(depth: int) -> Any:
    value: Any = "inside"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("s1", "'s1'"),
        (b"\xff", r"b'\xff'"),
        ("\u202e\x1b[2J", r"'\u202e\x1b[2J'"),
        (80, "80"),
        (None, "None"),
        (True, "True"),
        (float("inf"), "inf"),
        (["10.0.0.7"], "['10.0.0.7']"),
        ({"a": {"b": ["c"]}}, "{'a': {'b': ['c']}}"),
        (nested(5), "[[[...]]]"),
        ([], "[]"),
        ((1,), "(1)"),
        (Path("/a"), f"{Path('/a')!r}"),
        (Rude(), "<Rude>"),
        ([Rude()], "[<Rude>]"),
        (10**5000, "<a number of 16610 bits>"),
        (list(range(100)), "[0, 1, 2, 3, 4, 5, 6, 7, ...]"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_is_shown_as_it_would_be_written(value: object, said: str) -> None:
    assert shown(value) == said


@pytest.mark.parametrize(
    "value", ["x" * 10**7, b"\0" * 10**7, nested(100_000), {"a": "\ud800" * 10**6}, ["x" * 99] * 9]
)
def test_a_large_value_is_cut(value: object) -> None:
    assert len(shown(value)) <= 80


@given(st.recursive(st.none() | st.text() | st.integers() | st.floats(), st.lists))
def test_a_message_is_one_short_line_whatever_the_value(value: object) -> None:
    said = shown(value)
    assert said.isascii()
    assert said.isprintable()
    assert len(said) <= 80


@given(st.text(max_size=300), st.integers(20, 100))
def test_a_text_without_quotes_is_one_line_of_at_most_so_much(text: str, most: int) -> None:
    said = plain(text, most)
    assert len(said) <= most
    assert said.isascii()
    assert said.isprintable() or not said
    assert plain(said, most) == said
