"""Who is left out: unchanged for a ttl of time in which somebody could write."""

from lbdisc import Endpoint
from lbdisc_doozer import record
from lbdisc_doozer.evidence import GRACE, LiveClock, Lives
from lbdisc_doozer.settings import DoozerSettings
from lbdisc_doozer.state import FileRecords

PULSE = 1.0  # seconds between two revisions
TTL = 10.0
S1 = Endpoint(service="nodes", name="s1", address="10.0.0.1", port=3000)


class Registry:
    """A store that others write to, by a clock of its own."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.revision = 1
        self.clock = LiveClock()
        self.lives = Lives(self.clock)
        self.clock.begin(self.revision, self.now)
        self.beat("s1")

    def beat(self, path: str) -> None:
        self.lives.saw(path, b"%d" % self.revision, TTL)

    def moves(self, seconds: float) -> list[str]:
        """Who is left out meanwhile."""
        ended = []
        for _ in range(int(seconds / PULSE)):
            self.now += PULSE
            self.revision += 1
            self.clock.saw(self.revision, self.now)
            ended += self.lives.end()
        return ended

    def stands(self, seconds: float) -> list[str]:
        self.now += seconds
        self.clock.saw(self.revision, self.now)
        return self.lives.end()


def test_unchanged_for_a_ttl_is_left_out_once() -> None:
    registry = Registry()
    assert registry.moves(TTL) == []
    assert registry.moves(1) == ["s1"]
    assert registry.moves(2 * TTL) == []


def test_each_heartbeat_begins_the_time_anew() -> None:
    registry = Registry()
    for _ in range(5):
        assert registry.moves(TTL - 1) == []
        registry.beat("s1")


def test_no_time_passes_while_nobody_can_write() -> None:
    registry = Registry()
    registry.moves(TTL - 1)
    assert registry.stands(3600) == []
    assert registry.moves(1) == []


def test_after_a_standstill_everybody_has_a_whole_ttl() -> None:
    registry = Registry()
    registry.moves(TTL - 1)
    registry.stands(GRACE + 1)
    assert registry.moves(TTL) == []
    assert registry.moves(2) == ["s1"]


def test_a_short_standstill_counts_for_one_movement() -> None:
    registry = Registry()
    registry.moves(5)
    registry.stands(GRACE - 1)
    assert registry.moves(4) == []
    assert registry.moves(2) == ["s1"]


def test_what_was_seen_before_a_break_goes_on_where_it_was() -> None:
    registry = Registry()
    registry.moves(TTL - 1)
    registry.clock.begin(registry.revision, registry.now)
    registry.lives.saw("s1", b"1", TTL)
    assert registry.moves(2) == ["s1"]


def test_one_that_was_left_out_stays_so_until_it_is_written() -> None:
    registry = Registry()
    registry.moves(TTL + 1)
    assert not registry.lives.saw("s1", b"1", TTL)
    assert registry.lives.saw("s1", b"2", TTL)


def test_an_older_revision_is_no_movement() -> None:
    registry = Registry()
    registry.now += 1
    registry.clock.saw(0, registry.now)
    assert registry.clock.stood(registry.now) == 1


def test_who_gave_no_sign_of_life_is_told_with_when_there_was_one() -> None:
    settings = DoozerSettings()
    files = FileRecords(settings)
    files.clock.begin(1, 0.0)
    said = record.write(S1, owner="me", ttl=2.0, beat=1)
    files.put(record.path_of(settings, "nodes", "s1"), said, 2)
    (lease,) = files.take_leases()
    assert (lease.by, lease.ttl_s, lease.end) == ("heartbeats of me", 2.0, "")
    for second in range(1, 5):
        files.clock.saw(2 + second, float(second))
    assert files.expire()
    (lease,) = files.take_leases()
    assert (lease.by, lease.end) == ("heartbeats of me", "expired")
    assert lease.renewed_s is not None
