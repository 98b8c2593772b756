"""One worker of a real HAProxy, changed over a connection that is kept."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from lbdisc.haproxy.language.text import parse
from lbdisc.haproxy.live import AT_ONCE, WARM_UP, Live
from lbdisc.haproxy.versions import OLDEST
from lbdisc.testing.waiting import eventually
from support.haproxies import VERSIONS, Place, Running, free_port, place


@pytest.fixture(params=VERSIONS)
def here(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param) as found:
        yield found


@contextmanager
def live(running: Running, text: str) -> Iterator[Live]:
    features = running.runtime.features()
    made = Live(running.runtime.info().pid, text, parse(text), features, lambda: 0.0)
    try:
        yield made
    finally:
        made.close()


def bring(made: Live, text: str) -> None:
    planned = made.plan(text, max_changes=200)
    assert planned.how == "runtime", planned.detail
    made.bring(planned, text, parse(text))


def test_a_closed_connection_lets_the_old_worker_go(here: Place) -> None:
    text = here.text("backend b\n  server a 127.0.0.1:1\n")
    with here.running(text) as running, live(running, text) as made:
        made.connect()
        running.runtime.close()
        running.reload(text)
        running.runtime.close()
        assert running.managed.master.processes().old
        made.close()
        eventually(lambda: not running.managed.master.processes().old, what="the old worker to end")


def test_servers_that_keep_a_connection_hold_up_no_others(here: Place) -> None:
    with ExitStack() as stack:
        origin = stack.enter_context(tunnel())
        port = free_port()
        busy = [f"  server b{n} 127.0.0.1:{origin}\n" for n in range(AT_ONCE)]
        idle = [f"  server i{n} 127.0.0.1:{origin}\n" for n in range(10)]
        empty = here.text(f"listen b\n  mode tcp\n  balance roundrobin\n  bind 127.0.0.1:{port}\n")
        text = empty + "".join((*busy, *idle))
        running = stack.enter_context(here.running(text))
        made = stack.enter_context(live(running, text))
        if not made.features.can_delete:
            return  # they wait for the next reload
        for _ in busy:
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        eventually(lambda: sum(row.sessions for row in running.runtime.stats("b")) >= AT_ONCE)
        bring(made, empty)

        def left() -> int:
            made.delete_from_maintenance()
            return len(made.in_maintenance)

        eventually(lambda: left() == len(busy), what="the servers without a connection to go")


@contextmanager
def tunnel() -> Iterator[int]:
    """A port whose connections stay open until the end."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        yield int(listening.getsockname()[1])


def test_a_slow_start_is_waited_for_before_settling(here: Place) -> None:
    now = [0.0]
    one = here.text("backend b\n  server a 127.0.0.1:1\n")
    both = f"{one}  server s 127.0.0.1:1 slowstart 1m\n"
    with here.running(one) as running:
        made = Live(running.runtime.info().pid, one, parse(one), OLDEST, lambda: now[0])
        bring(made, both)
        try:
            assert made.settles(1e-9) is False
            now[0] = 1
            assert made.settles(1e-9)
            assert made.warms_up()
            now[0] += WARM_UP
            assert not made.warms_up()
        finally:
            made.close()


def test_nothing_warms_up_where_no_server_starts_slowly(here: Place) -> None:
    one = here.text("backend b\n  server a 127.0.0.1:1\n")
    with here.running(one) as running, live(running, one) as made:
        made.unsettled = (0.0, 0.0)
        assert not made.warms_up()
        bring(made, f"{one}  server s 127.0.0.1:1\n")
        assert not made.warms_up()


def test_a_server_that_begins_as_down_joins_at_run_time_where_that_is_known(here: Place) -> None:
    if here.numbers < (3, 1):
        return  # the keyword is not known
    server = f"  server a 127.0.0.1:{free_port()} check inter 1h init-state fully-down\n"
    empty = here.text("backend b\n  balance roundrobin\n")
    with here.running(empty) as running, live(running, empty) as made:
        bring(made, empty + server)
        [row] = [row for row in running.runtime.stats("b") if row.kind == "server"]
        assert row.status.startswith("DOWN")
        moved = (empty + server).replace("127.0.0.1:", "127.0.0.2:")
        assert made.plan(moved, max_changes=200).how == "reload"


def test_a_server_of_mode_tcp_has_nothing_to_settle(here: Place) -> None:
    one = here.text("backend b\n  mode tcp\n  server a 127.0.0.1:1\n")
    with here.running(one) as running, live(running, one) as made:
        bring(made, f"{one}  server s 127.0.0.1:1\n")
        assert made.unsettled is None


@pytest.mark.parametrize("peers", ["", " peers lb"])
def test_no_settling_reload_empties_a_table_that_users_stick_by(here: Place, peers: str) -> None:
    around = f"peers lb\n  bind unix@{here.folder}/peers.sock\n  server here\n"
    table = f"  stick-table type ip size 1k{peers}\n  stick on src\n"
    one = here.text(f"{around}backend b\n  mode http\n{table}  server a 127.0.0.1:1\n")
    with here.running(one) as running, live(running, one) as made:
        if made.features.reuses_connections:
            return  # nothing is settled since 3.0
        bring(made, f"{one}  server s 127.0.0.1:1\n")
        assert (made.unsettled is None) == (not peers)
