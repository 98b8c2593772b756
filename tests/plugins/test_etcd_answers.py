"""What becomes of a server's answers, without a server."""

from typing import Any

import pytest

from lbdisc.raw import Oversized
from lbdisc_etcd import wire
from lbdisc_etcd.answers import Told
from lbdisc_etcd.failures import TooLarge, sorted_failure
from lbdisc_etcd.following import last_words
from lbdisc_etcd.messages import KeyEvent, Page
from lbdisc_etcd.reading import FIRST, GOAL, PageSize
from support.hostile_etcd import created, kv, told

rpc: Any = wire.rpc
A, B = b"/lbdisc/web/a", b"/lbdisc/web/b"


def watch() -> Told:
    told = Told(b"/lbdisc/", b"/lbdisc0")
    told.take(created())
    return told


def test_a_revision_in_parts_is_told_once_and_whole() -> None:
    watched = watch()
    first = watched.take(told(kv(A, revision=6), kv(A, revision=7), fragment=True))
    assert first is not None
    assert [event.revision for event in first.events] == [6]
    assert watched.take(told(kv(B, revision=7), fragment=True)) is None
    last = watched.take(told(kv(B, revision=8)))
    assert last is not None
    assert [(event.key, event.revision) for event in last.events] == [(A, 7), (B, 7), (B, 8)]


def test_value_that_is_too_large_for_a_record_is_dropped_at_once() -> None:
    news = watch().take(told(kv(A, b"x" * 65537)))
    assert news is not None
    assert news.events[0].value == Oversized(65537)
    assert news.weight < 1000


def test_refusal_of_an_answer_says_how_large_it_is() -> None:
    text = "CLIENT: Received message larger than max (84002182 vs. 8388608)"
    failure = sorted_failure("RESOURCE_EXHAUSTED", text, user="", secure=False)
    assert isinstance(failure, TooLarge)
    assert failure.size == 84002182


def test_pages_shrink_to_what_fits_and_grow_again() -> None:
    size = PageSize(1000)
    asked = size.asked()
    assert asked == FIRST
    size.failed(asked, TooLarge("", 100 * GOAL))
    asked = size.asked()
    assert asked == FIRST // 100
    size.fitted(asked, page(1, size=100))
    assert size.asked() == 2 * asked


def test_page_that_broke_its_session_is_asked_for_in_parts() -> None:
    size = PageSize(1000)
    assert [size.asked() for _ in range(9)][:3] == [250, 125, 62]
    assert size.asked() == 1


def page(number: int, *, size: int) -> Page:
    record = kv()
    return Page((record,) * number, False, 7, 5, size)


@pytest.mark.parametrize(
    ("values", "left"),
    [
        ([b"1", None], {A: b"1"}),
        ([b"1", b"2", None], {A: b"2"}),
        ([b"1", None, b"2"], {}),
        ([None], {}),
        ([b"1"], {}),
    ],
)
def test_last_words_are_of_those_that_came_and_went(
    values: list[bytes | None], left: dict[bytes, bytes]
) -> None:
    events = [KeyEvent(A, value, at) for at, value in enumerate(values)]
    assert last_words(events) == left
