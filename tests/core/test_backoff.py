"""Delays between attempts."""

import pytest

from lbdisc.backoff import Backoff


def longest(first: float, most: float) -> Backoff:
    return Backoff(first, most, random=lambda: 1.0)


def test_delays_double_up_to_the_most() -> None:
    backoff = longest(0.2, 1.0)
    assert [backoff.next() for _ in range(5)] == [0.2, 0.4, 0.8, 1.0, 1.0]


def test_jitter_takes_at_most_half_of_a_delay() -> None:
    backoff = Backoff(0.2, 1.0, random=lambda: 0.0)
    assert [backoff.next() for _ in range(4)] == [0.1, 0.2, 0.4, 0.5]


def test_reset_begins_again_with_the_first_delay() -> None:
    backoff = longest(1.0, 60.0)
    for _ in range(1000):
        backoff.next()
    backoff.reset()
    assert backoff.next() == 1.0


def test_two_that_fail_together_come_back_apart() -> None:
    first, second = Backoff(1.0, 60.0), Backoff(1.0, 60.0)
    assert [first.next() for _ in range(8)] != [second.next() for _ in range(8)]


def test_every_delay_lies_within_its_span() -> None:
    backoff = Backoff(0.5, 4.0)
    for span in (0.5, 1.0, 2.0, 4.0, 4.0):
        assert span / 2 <= backoff.next() <= span


def test_a_most_below_the_first_gives_the_first_each_time() -> None:
    backoff = longest(5.0, 1.0)
    assert [backoff.next() for _ in range(3)] == [5.0, 5.0, 5.0]


@pytest.mark.parametrize("first", [0.0, -1.0])
def test_a_delay_that_cannot_grow_is_refused(first: float) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        Backoff(first, 1.0)
