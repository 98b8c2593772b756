"""Who is left out, and when they are tried again."""

from dataclasses import replace
from pathlib import Path

import pytest

from lbdisc import Endpoint, Rendered, Snapshot
from lbdisc.agent.blaming import PATIENCE, REST, Blaming
from lbdisc.agent.left_out import FIRST
from lbdisc.builtin.command.reloader import CommandReloader, CommandSettings
from lbdisc.errors import CheckError
from lbdisc.testing.waiting import eventually

GOOD = Endpoint(service="nodes", name="s1", address="10.0.0.1", port=80)
BAD = Endpoint(service="nodes", name="s2", address="no-such-host.invalid", port=80)
BOTH = Snapshot.of([GOOD, BAD])


class Addresses:
    """A renderer: the addresses, one a line."""

    def render(self, snapshot: Snapshot) -> Rendered:
        return Rendered("".join(f"{endpoint.host_port}\n" for endpoint in snapshot.endpoints))


class House:
    """Somebody is refused as long as ``resolves`` is not there; ``now`` is the time."""

    def __init__(self, folder: Path) -> None:
        self.resolves = folder / "resolves"
        self.now = 0.0
        check = f"sh -c 'test -e {self.resolves} || ! grep -q invalid {{file}}'"
        self.blaming = Blaming(
            Addresses(),
            CommandReloader(CommandSettings(check=check, reload="true")),
            folder / "lb.cfg",
            clock=lambda: self.now,
        )

    def refused(self, passed: Snapshot, wanted: Snapshot, words: str = "no") -> bool:
        return self.blaming.judge(CheckError(words), passed, wanted)

    def trial(self, snapshot: Snapshot = BOTH) -> bool:
        """Whether somebody came back in a trial that is due now."""
        assert self.blaming.due is not None
        assert self.blaming.due <= self.now
        came = self.blaming.look(snapshot)
        if self.blaming.due is None and not came:
            eventually(lambda: self._is_over(snapshot))
        return not self.blaming.problems

    def _is_over(self, snapshot: Snapshot) -> bool:
        return self.blaming.look(snapshot) or self.blaming.due is not None


@pytest.fixture
def house(tmp_path: Path) -> House:
    """One in which BAD came, and is left out."""
    found = House(tmp_path)
    assert found.refused(Snapshot.of([GOOD]), BOTH)
    return found


def test_one_that_is_left_out_is_tried_again_after_a_time_that_grows(house: House) -> None:
    assert house.blaming.sift(BOTH) == Snapshot.of([GOOD])
    assert house.blaming.due == FIRST
    house.now = FIRST
    assert not house.trial()
    assert house.blaming.due == FIRST + 2 * FIRST
    house.resolves.touch()
    house.now = 3 * FIRST
    assert house.trial()
    assert house.blaming.sift(BOTH) == BOTH
    assert not house.blaming.problems


def test_one_that_changes_is_tried_at_once_and_stays_out_until_it_passes(house: House) -> None:
    mended = Snapshot.of([GOOD, Endpoint(service="nodes", name="s2", address="10.0.0.2", port=80)])
    assert house.blaming.sift(mended) == Snapshot.of([GOOD])
    assert house.trial(mended)
    assert house.blaming.sift(mended) == mended


def test_who_is_gone_is_no_problem_any_more(house: House) -> None:
    assert house.blaming.problems
    house.blaming.sift(Snapshot.of([GOOD]))
    assert not house.blaming.problems


def test_with_another_template_everybody_counts_as_good_again(house: House) -> None:
    house.blaming.render_with(Addresses())
    assert house.blaming.sift(BOTH) == BOTH


def test_one_that_passed_once_is_left_out_when_it_keeps_the_others_waiting_for_long(
    tmp_path: Path,
) -> None:
    house, words = House(tmp_path), "lb.cfg:2: host not found"
    assert not house.refused(BOTH, BOTH, words)
    house.now = PATIENCE - 1
    assert not house.refused(BOTH, BOTH, words)
    house.now = PATIENCE
    assert house.refused(BOTH, BOTH, words)
    assert house.blaming.sift(BOTH) == Snapshot.of([GOOD])


def test_no_service_loses_more_than_half_of_those_that_passed_once(tmp_path: Path) -> None:
    house, alone = House(tmp_path), Snapshot.of([BAD])
    assert not house.refused(alone, alone, "lb.cfg:1: host not found")
    house.now = PATIENCE
    assert not house.refused(alone, alone, "lb.cfg:1: host not found")
    assert house.blaming.sift(alone) == alone


class SlowAddresses(Addresses):
    """Each text takes ten seconds of ``house``."""

    def __init__(self, house: House) -> None:
        self._house = house

    def render(self, snapshot: Snapshot) -> Rendered:
        self._house.now += 10
        return super().render(snapshot)


def test_trials_that_take_long_rest_so_that_what_is_new_goes_first(house: House) -> None:
    """Whoever comes with another bad entry each moment is not tried at each."""
    house.blaming.render_with(SlowAddresses(house))
    assert house.refused(Snapshot.of([GOOD]), BOTH)
    house.now += FIRST
    began = house.now
    assert not house.trial()
    took = house.now - began
    assert took >= 10
    another = Snapshot.of([GOOD, replace(BAD, address="none.invalid")])
    house.blaming.sift(another)
    assert house.blaming.due is not None
    assert house.blaming.due >= began + REST * 10
    assert not house.blaming.look(another)
    assert house.now - began == took
