"""Who is left out: unchanged for a ttl of time in which somebody could write."""

from lbdisc_doozer.evidence import GRACE, LiveClock, Lives

PULSE = 1.0  # seconds between two revisions
TTL = 10.0


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
