"""Whoever tries one wrong token after the other is asked to wait, and nobody else is."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from lbdisc_web.tries import ADDRESSES, MOST, WITHIN, WrongTokens
from support.web_pages import TOKEN, ServedPage


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wrong(clock: Clock) -> WrongTokens:
    return WrongTokens(clock)


def guess(wrong: WrongTokens, asker: str, count: int = MOST) -> None:
    for number in range(count):
        wrong.add(asker, b"guess %d" % number)


def test_after_so_many_it_waits_and_then_no_more(wrong: WrongTokens, clock: Clock) -> None:
    guess(wrong, "10.0.0.7", MOST - 1)
    assert wrong.wait("10.0.0.7") == 0
    clock.now += 20
    wrong.add("10.0.0.7", b"the last")
    assert wrong.wait("10.0.0.7") == WITHIN - 20
    assert wrong.wait("10.0.0.8") == 0
    clock.now += WITHIN - 20
    assert wrong.wait("10.0.0.7") == 0


def test_the_same_one_again_and_again_keeps_nobody_out(wrong: WrongTokens) -> None:
    for _ in range(1000):
        wrong.add("10.0.0.7", b"an old one")
    assert wrong.wait("10.0.0.7") == 0


def test_a_network_of_ipv6_is_one_guesser(wrong: WrongTokens) -> None:
    for number in range(MOST):
        wrong.add(f"2001:db8::{number}:1", b"guess %d" % number)
    assert wrong.wait("2001:db8::ffff") > 0
    assert wrong.wait("2001:db8:0:1::1") == 0
    guess(wrong, "::ffff:10.0.0.7")
    assert wrong.wait("10.0.0.7") > 0


def test_of_endless_addresses_the_last_ones_are_remembered(wrong: WrongTokens) -> None:
    guess(wrong, "10.0.0.7")
    for number in range(ADDRESSES):
        wrong.add(f"10.1.{number // 250}.{number % 250}", b"one")
    assert wrong.wait("10.0.0.7") == 0
    assert len(wrong._seen) == ADDRESSES


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedPage]:
    with closing(ServedPage(tmp_path, token=SecretStr(TOKEN))) as made:
        yield made


def test_who_guesses_is_told_to_wait_in_one_line_and_the_page_goes_on(served: ServedPage) -> None:
    with httpx.Client(base_url=served.url, trust_env=False, timeout=30) as client:

        def given(token: str) -> httpx.Response:
            return client.post("/actions", headers={"Authorization": f"Bearer {token}"})

        assert {given(f"guess-number-{n:04}").status_code for n in range(MOST)} == {401}
        for token in ("another-guess-of-16", TOKEN):  # nor is it told by this which is right
            answer = given(token)
            assert answer.status_code == 429
            assert answer.text.startswith("too many wrong tokens from 127.0.0.1: ask again in ")
            assert 0 < int(answer.headers["retry-after"]) <= WITHIN
        assert client.get("/state.json").status_code == 200
