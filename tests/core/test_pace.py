"""Pace: merging bursts, distance between reloads, retries."""

from lbdisc.agent.pace import Pace
from lbdisc.settings.tables import AgentSettings

SETTINGS = AgentSettings(quiet=0.2, max_wait=2, min_reload_interval=1)


def test_nothing_waits_at_first() -> None:
    assert Pace(SETTINGS).due is None


def test_a_change_waits_for_quiet() -> None:
    pace = Pace(SETTINGS)
    pace.changed(10.0)
    assert pace.due == 10.2
    pace.changed(10.1)
    assert round(pace.due, 3) == 10.3


def test_a_stream_of_changes_waits_no_longer_than_the_maximum() -> None:
    pace = Pace(SETTINGS)
    for step in range(100):
        pace.changed(10 + step * 0.1)
    assert pace.due == 12


def test_reloads_keep_their_distance() -> None:
    pace = Pace(SETTINGS)
    pace.reloaded(10.0)
    pace.changed(10.1)
    assert pace.due == 11.0


def test_a_failure_is_tried_again_though_nothing_changes() -> None:
    pace = Pace(SETTINGS)
    pace.failed(10.0, delay=5.0)
    assert pace.due == 15.0
    pace.settled()
    assert pace.due is None


def reloads(pace: Pace, start: float, seconds: float) -> list[float]:
    """When it reloads, while a change that takes one comes ten times a second."""
    found, now = [], start
    while now < start + seconds:
        pace.changed(now)
        if pace.due is not None and pace.due <= now:
            pace.reloaded(now)
            pace.settled()
            found.append(now)
        now += 0.1
    return found


def test_reloads_in_a_row_wait_longer_and_longer() -> None:
    pace = Pace(SETTINGS)
    assert len(reloads(pace, 0, 60)) < 14
    assert pace.distance == 30
    assert len(reloads(pace, 60, 600)) <= 21


def test_the_first_reloads_after_some_calm_are_as_fast_as_ever() -> None:
    pace = Pace(SETTINGS)
    reloads(pace, 0, 120)
    pace.changed(300.0)
    pace.reloaded(300.2)
    pace.settled()
    assert pace.distance == 1


def test_a_reload_now_and_then_never_waits() -> None:
    pace = Pace(SETTINGS)
    for n in range(100):
        pace.changed(n * 12.0)
        assert pace.due == n * 12.0 + 0.2
        pace.reloaded(pace.due)
        pace.settled()


def test_who_tidies_up_has_a_pace_of_its_own() -> None:
    pace = Pace(SETTINGS)
    for n in range(50):
        pace.reloaded(n * 2.0, for_a_change=False)
    pace.changed(98.1)
    assert pace.due == 99.0


def test_what_an_operator_changes_does_not_wait_for_what_others_did() -> None:
    pace = Pace(SETTINGS)
    reloads(pace, 0, 120)
    pace.forgive()
    assert pace.distance == 1


def test_without_a_greatest_distance_it_is_always_the_least() -> None:
    pace = Pace(AgentSettings(min_reload_interval=1, max_reload_interval=0))
    reloads(pace, 0, 120)
    assert pace.distance == 1
