"""When a registry is said to be back, and how long it is waited for."""

from lbdisc.agent.lasting import STEADY, Lasting
from lbdisc.backoff import Backoff


def lasting() -> Lasting:
    return Lasting(Backoff(1.0, 16.0, random=lambda: 1.0))


def test_the_first_word_is_an_answer() -> None:
    registry = lasting()
    assert registry.published(0.0)
    assert not registry.published(1.0)
    assert registry.answers
    assert registry.due is None


def test_after_one_failure_the_next_word_is_an_answer() -> None:
    registry = lasting()
    registry.published(0.0)
    assert registry.failed(100.0) == 1.0
    assert (registry.answers, registry.lost_at, registry.failures) == (False, 100.0, 1)
    assert registry.published(101.0)


def test_one_that_fails_again_at_once_is_back_when_it_has_lasted() -> None:
    registry = lasting()
    registry.published(0.0)
    registry.failed(100.0)
    registry.published(101.0)
    registry.failed(101.1)
    assert not registry.published(103.0)
    assert registry.due == 103.0 + STEADY
    assert not registry.look(103.0 + STEADY - 0.1)
    assert registry.look(103.0 + STEADY)
    assert registry.answers
    assert registry.lost_at == 100.0


def test_pauses_grow_however_often_it_publishes() -> None:
    registry, now, pauses = lasting(), 0.0, []
    for _ in range(6):
        registry.published(now)
        pauses.append(registry.failed(now + 0.1))
        now += 0.1 + pauses[-1]
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 16.0]
    assert registry.failures == 6


def test_it_has_to_last_for_longer_than_the_pause() -> None:
    registry, now = lasting(), 0.0
    for _ in range(6):
        registry.published(now)
        now += 0.1 + registry.failed(now + 0.1)
    registry.published(now)
    assert registry.due == now + 32.0


def test_one_that_has_lasted_begins_anew() -> None:
    registry = lasting()
    for at in (0.0, 1.0, 2.0):
        registry.published(at)
        registry.failed(at + 0.1)
    registry.published(10.0)
    assert registry.look(60.0)
    assert registry.failed(61.0) == 1.0
    assert (registry.failures, registry.lost_at) == (1, 61.0)
