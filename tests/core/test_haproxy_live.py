"""When servers that were added at run time are settled."""

from lbdisc.haproxy.language.text import parse
from lbdisc.haproxy.live import IMPATIENCE, Live
from lbdisc.haproxy.versions import OLDEST


def live(*, added: tuple[float, float], now: float, share: float = 0.0) -> Live:
    made = Live(1, "", parse(""), OLDEST, lambda: now, share=share)
    made.unsettled = added
    return made


def test_servers_settle_after_a_quiet_time() -> None:
    assert not live(added=(0, 3), now=7.9).settles(5)
    assert live(added=(0, 3), now=8).settles(5)


def test_servers_settle_although_others_keep_coming() -> None:
    now = 5 * IMPATIENCE
    assert not live(added=(0, now - 1.1), now=now - 1).settles(5)
    assert live(added=(0, now - 1), now=now).settles(5)


def test_each_of_a_fleet_settles_at_a_time_of_its_own_within_the_limits() -> None:
    for share in (0.0, 0.5, 0.99):
        made = live(added=(0, 3), now=3 + 5 * (1 + 2 * share), share=share)
        assert made.settles(5)
        assert not live(added=(0, 3), now=2.9 + 5 * (1 + 2 * share), share=share).settles(5)
        now = 5.0 * IMPATIENCE
        assert live(added=(0, now - 1), now=now, share=share).settles(5)


def test_nothing_settles_where_nothing_came_or_nobody_wants_it() -> None:
    made = live(added=(0, 0), now=100)
    assert not made.settles(0)
    made.unsettled = None
    assert not made.settles(5)
