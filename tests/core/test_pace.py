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
