"""Which streams are long connections, and how long the settling reload waits for them."""

import pytest

from lbdisc.haproxy import long_connections
from lbdisc.haproxy.language.durations import seconds
from lbdisc.haproxy.language.text import parse
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.long_connections import LOOK, TunnelPatience, until
from lbdisc.haproxy.sockets.streams import LongConnections
from lbdisc.haproxy.versions import OLDEST

WEB = parse("frontend web\n  mode http\n")


def stream(
    *, frontend: str = "web", age: str = "30s", asks: str = "8000", answers: str = "0"
) -> str:
    """A line as 2.6 writes it."""
    return (
        f"0x55c2080c0c50: proto=tcpv4 src=127.0.0.1:49490 fe={frontend} be=nodes srv=a ts=00"
        f" epoch=0 age={age} calls=3 rate=0 cpu=0 lat=0"
        f" rq[f=8c48000h,i=0,an={asks}h,rx=47s,wx=,ax=] rp[f=88048000h,i=0,an={answers}h,rx=47s,wx="
        ",ax=] scf=[8,0h,fd=17] scb=[8,11h,fd=18] exp=2s rc=0 c_exp=\n"
    )


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (stream(asks="00", answers="00", age="1s"), (1, 0)),
        (stream(asks="00", answers="00", age="0s"), (0, 0)),
        (stream(answers="4000000", age="9s"), (0, 0)),
        (stream(answers="4000000", age="1m2s"), (0, 1)),
        (stream(frontend="GLOBAL", asks="00", answers="00"), (0, 0)),
        ("something else\n", (0, 0)),
    ],
)
def test_a_stream_is_long_by_what_it_does_and_by_its_age(line: str, found: tuple[int, int]) -> None:
    read = LongConnections.read(line + "\n", ("web",))
    assert (read.tunnels, read.requests) == found


@pytest.mark.parametrize(
    ("text", "value"),
    [("30s", 30), ("1500", 1.5), ("1m30s", 90), ("24h", 86400), ("2d", 172800), ("", None)],
)
def test_durations_are_read_as_haproxy_does(text: str, value: float | None) -> None:
    assert seconds(text) == value


def test_an_old_worker_without_a_limit_ends_with_its_last_connection() -> None:
    assert until(parse("global\n")) == "the last of them ends"
    assert "hard-stop-after 30s" in until(parse("global\n hard-stop-after 30s\n"))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> list[LongConnections]:
    """What the worker has at each look; the last again and again."""
    found = [LongConnections(tunnels=1)]
    monkeypatch.setattr(
        long_connections,
        "connections_of",
        lambda live: found.pop(0) if len(found) > 1 else found[0],
    )
    return found


def unsettled(clock: Clock) -> Live:
    live = Live(7, "", WEB, OLDEST, clock)
    live.unsettled = 0.0, 0.0
    return live


def test_it_waits_for_the_limit_and_no_longer(clock: Clock, busy: list[LongConnections]) -> None:
    patience, live = TunnelPatience(60, 0.0, clock), unsettled(clock)
    clock.now = 59
    assert patience.waits(live)
    clock.now = 60
    assert not patience.waits(live)


def test_it_goes_on_soon_after_the_last_long_connection_has_ended(
    clock: Clock, busy: list[LongConnections]
) -> None:
    busy.append(LongConnections())
    patience, live = TunnelPatience(60, 0.0, clock), unsettled(clock)
    assert patience.waits(live)
    clock.now = LOOK - 0.1
    assert patience.waits(live)
    clock.now = LOOK
    assert not patience.waits(live)


def test_of_a_fleet_each_ends_its_wait_at_a_time_of_its_own(
    clock: Clock, busy: list[LongConnections]
) -> None:
    clock.now = 59
    assert TunnelPatience(60, 0.0, clock).waits(unsettled(clock))
    assert not TunnelPatience(60, 0.5, clock).waits(unsettled(clock))


def test_a_limit_of_zero_waits_for_nothing(clock: Clock, busy: list[LongConnections]) -> None:
    assert not TunnelPatience(0, 0.0, clock).waits(unsettled(clock))
