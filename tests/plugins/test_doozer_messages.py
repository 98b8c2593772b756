"""Doozer's messages: our bytes are those of protobuf, and no bytes are more than a bad message."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbdisc.errors import EntryError
from lbdisc.raw import Oversized
from lbdisc.records import MAX_RECORD
from lbdisc.values import check_name
from lbdisc_doozer.messages import Err, Malformed, Request, Response, Verb
from lbdisc_doozer.names import decoded, encoded

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,30}", fullmatch=True)


def test_request_is_the_bytes_that_protobuf_makes_of_it() -> None:
    # tag = 1, verb = SET, path = "/a", value = "b", rev = -1
    expected = bytes.fromhex("0801 1002 2202 2f61 2a01 62 48 ffffffffffffffffff01")
    assert Request(Verb.SET, "/a", b"b", -1).encode(1) == expected


@given(st.integers(1, 99), st.text(max_size=9), st.binary(max_size=300), INT64, INT64)
def test_request_is_read_as_it_was_written(
    verb: int, path: str, value: bytes, rev: int, offset: int
) -> None:
    request = Request(verb, path, value, rev, offset)
    assert Request.decode(request.encode(7)) == (7, request)


@given(st.binary(max_size=300), INT64, st.integers(0, 130))
def test_response_is_read_as_it_was_written(value: bytes, rev: int, error: int) -> None:
    response = Response(4, rev, "/lbdisc/web/s1", value, 3, error, "why")
    assert Response.decode(response.encode(9)) == (9, response)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_a_message_or_none(content: bytes, cut: bool) -> None:
    for decode in (Request.decode, lambda content: Response.decode(content, cut=cut)):
        try:
            decode(content)
        except Malformed:
            continue


def test_value_that_is_cut_off_is_told_by_its_size() -> None:
    whole = Response(rev=5, path="/a", value=b"x" * MAX_RECORD, len=1).encode(1)
    tag, response = Response.decode(whole[: MAX_RECORD // 2], cut=True)
    assert (tag, response.rev, response.value) == (1, 5, Oversized(MAX_RECORD))
    with pytest.raises(Malformed):
        Response.decode(whole[: MAX_RECORD // 2])


def test_error_of_an_unknown_number_has_a_name() -> None:
    assert Err.words(20) == "NOTDIR"
    assert Err.words(99) == "error 99"


@given(NAMES)
def test_every_name_is_a_part_of_a_path_and_comes_back(name: str) -> None:
    part = encoded(check_name(name))
    assert set(part) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")
    assert decoded(part) == name


@given(st.from_regex(r"[A-Za-z0-9.-]{1,20}", fullmatch=True))
def test_no_two_parts_are_one_name(part: str) -> None:
    with suppress(EntryError):  # some are no name's
        assert encoded(decoded(part)) == part


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("web-1", "web-1"),
        ("db.example.com", "db.example.com"),
        ("web_1", "web.-u1"),
        ("_agents", ".-uagents"),
        ("a.-b", "a.-xb"),
        ("a._b", "a..-ub"),
    ],
)
def test_ordinary_names_stay_as_they_are(name: str, part: str) -> None:
    assert encoded(name) == part
