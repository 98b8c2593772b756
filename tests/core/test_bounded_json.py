"""JSON of strangers: its limits are looked at before anything is made of it."""

import json
import math
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbdisc.bounded_json import MOST_BYTES, MOST_DEEP, load
from lbdisc.errors import EntryError

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_what_is_within_the_limits_is_read_as_python_reads_it(value: Any) -> None:
    if not _has_infinity(value):
        text = json.dumps(value)
        assert load(text) == load(text.encode()) == value


def _has_infinity(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_has_infinity, inner)) or (isinstance(value, float) and math.isinf(value))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32-be"])
def test_other_encodings_are_read(encoding: str) -> None:
    assert load('{"a": "é"}'.encode(encoding)) == {"a": "é"}


def test_brackets_within_texts_do_not_count() -> None:
    text = json.dumps(["[{" * 100, '"[' * 100, "\\[" * 100])
    assert load(text) == json.loads(text)


def test_what_lies_beside_each_other_is_not_deep() -> None:
    text = json.dumps([[[]]] * 1000)
    assert load(text) == json.loads(text)


@pytest.mark.parametrize(("start", "end"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_nesting_ends_where_it_is_said_to(start: str, end: str) -> None:
    most = MOST_DEEP // (start.count("[") + start.count("{"))
    load(start * most + "1" + end * most)
    with pytest.raises(EntryError, match="nested more than 20 deep"):
        load(start * (most + 1) + "1" + end * (most + 1))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("NaN", "no JSON: NaN is no number"),
        ("[-Infinity]", "no JSON: -Infinity is no number"),
        ("1" * 41, "a number of 41 characters: at most 40"),
        ("0." + "1" * 40, "a number of 42 characters: at most 40"),
        ('{"a": 1, "a": 1}', "'a' stands there more than once"),
        ("[" + " " * MOST_BYTES, f"{MOST_BYTES + 1} bytes: at most {MOST_BYTES}"),
    ],
)
def test_the_limit_is_said(text: str, said: str) -> None:
    with pytest.raises(EntryError) as caught:
        load(text)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    "text",
    [
        '"' + "\\" * (MOST_BYTES - 1),
        '"\\' * (MOST_BYTES // 2),
        '[{"' * 20 + '"' * 65_000,
        "[]" * (MOST_BYTES // 2),
        '{"":1,' * 10_000,
        "{" + ",".join(f'"{n:x}":0' for n in range(6_000)) + ',"0":0}',
        '"' + "\\ud800" * 10_000,
    ],
    ids=["backslashes", "escaped quotes", "quotes", "pairs", "objects", "names", "halves"],
)
def test_no_text_takes_long(text: str) -> None:
    began = time.thread_time()
    with pytest.raises(EntryError):
        load(text)
    assert time.thread_time() - began < 2.0
