"""The client of the runtime socket, against real HAProxys and against broken ones."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from time import sleep

import pytest

from lbdisc.errors import SettingsError
from lbdisc.haproxy.errors import HaproxyError, OtherWorker, Refused, Replaced, Unreachable
from lbdisc.haproxy.language.addresses import Tcp, Unix, where
from lbdisc.haproxy.sockets import commands as cmd
from lbdisc.haproxy.sockets.socket import Runtime, answers
from lbdisc.haproxy.versions import NAMES_ARE_UNIQUE
from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from support.haproxies import VERSIONS, Place, Running, place

BODY = "backend b\n  balance roundrobin\n  server a 127.0.0.1:9\n  server s 127.0.0.1:9 weight 5\n"


@pytest.fixture(scope="module", params=VERSIONS)
def here(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param) as found:
        yield found


@pytest.fixture(scope="module")
def running(here: Place) -> Iterator[Running]:
    with here.running(here.text(BODY)) as found:
        yield found


def test_the_worker_tells_who_it_is(here: Place, running: Running) -> None:
    info = running.runtime.info()
    worker = running.managed.master.processes().current
    assert worker is not None
    assert (info.name, info.pid, info.version) == ("HAProxy", worker.pid, worker.version)
    assert info.version == here.numbers
    assert not info.stopping


def test_features_are_those_of_the_version(here: Place, running: Running) -> None:
    features = running.runtime.features()
    new = here.numbers >= (3, 0)
    assert (features.can_delete, features.accepts("cookie")) == (new, new)
    assert features.accepts("init-state") == (here.numbers >= (3, 1))
    assert features.reuses_connections == new


def test_servers_and_their_figures_are_rows(running: Running) -> None:
    rows = running.runtime.servers("b")
    assert [(row.server, row.address, row.port, row.weight) for row in rows] == [
        ("a", "127.0.0.1", 9, 1),
        ("s", "127.0.0.1", 9, 5),
    ]
    assert [row.name for row in running.runtime.stats("b")] == ["a", "s", "BACKEND"]
    assert [(row.server, row.used) for row in running.runtime.connections("b")] == [
        ("a", 0),
        ("s", 0),
    ]


def test_a_frontend_and_a_backend_of_one_name_are_both_told_of(here: Place) -> None:
    if here.numbers >= NAMES_ARE_UNIQUE:
        return  # it does not start
    front = f"frontend b\n  bind 127.0.0.1:{free_port()}\n  default_backend b\n"
    with here.running(here.text(front + BODY, name="twins"), name="twins") as twins:
        names = [row.name for row in twins.runtime.stats("b")]
        assert names == ["FRONTEND", "a", "s", "BACKEND"]
        with pytest.raises(HaproxyError, match="no such proxy"):
            twins.runtime.stats("c")


def test_many_commands_are_answered_each(running: Running) -> None:
    names = [f"m{number}" for number in range(150)]
    running.runtime.run(
        command
        for name in names
        for command in (
            cmd.AddServer("b", name, "127.0.0.1:9", ("check", "inter", "10s")),
            cmd.EnableHealth("b", name),
            cmd.EnableServer("b", name),
        )
    )
    found = {row.server: row for row in running.runtime.servers("b")}
    assert all(found[name].checked and not found[name].in_maintenance for name in names)


def test_every_command_of_a_batch_is_sent_and_the_first_refusal_is_told(running: Running) -> None:
    with pytest.raises(Refused, match="'enable server b/none': No such server"):
        running.runtime.run(
            [
                cmd.EnableServer("b", "none"),
                cmd.SetWeight("b", "a", 9),
                cmd.EnableServer("c", "none"),
            ]
        )
    assert running.runtime.servers("b")[0].weight == 9


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (cmd.AddServer("b", "a", "127.0.0.1:9"), "Already exists"),
        (cmd.AddServer("b", "n", "127.0.0.1:9", ("brand-new",)), "unknown keyword"),
        (cmd.AddServer("c", "n", "127.0.0.1:9"), "No such backend"),
        (cmd.SetAddress("b", "a", "host.invalid", 9), "nvalid addr"),
        (cmd.DeleteServer("b", "a"), "maintenance mode"),
    ],
)
def test_a_refusal_is_an_error_in_haproxys_words(
    running: Running, command: cmd.Command, says: str
) -> None:
    with pytest.raises(Refused, match=says):
        running.runtime.run([command])


def test_a_move_to_where_it_is_succeeds(running: Running) -> None:
    move = cmd.SetAddress("b", "s", "127.0.0.2", 10)
    running.runtime.run([move, move, cmd.SetAddress("b", "s", "127.0.0.2", 9)])
    assert running.runtime.servers("b")[1].address == "127.0.0.2"


def test_a_server_is_deleted_once_it_is_free(here: Place, running: Running) -> None:
    if here.numbers < (3, 0):
        assert not running.runtime.features().can_delete
        return
    running.runtime.run(
        [
            cmd.AddServer("b", "gone", "127.0.0.1:9"),
            cmd.EnableServer("b", "gone"),
            cmd.SetState("b", "gone", "maint"),
            cmd.ShutdownSessions("b", "gone"),
            cmd.WaitRemovable("b", "gone", 2000),
            cmd.DeleteServer("b", "gone"),
        ]
    )
    assert "gone" not in [row.server for row in running.runtime.servers("b")]


@pytest.mark.parametrize("line", ["show info; show info", "show\ninfo", "a <<", "x" * 9000])
def test_one_line_is_one_command(running: Running, line: str) -> None:
    with pytest.raises(HaproxyError, match="not one command"):
        running.runtime.ask(line)
    with pytest.raises(HaproxyError, match="no name of a proxy"):
        running.runtime.servers("b;c")


def test_a_kept_connection_tells_that_its_worker_was_replaced(here: Place) -> None:
    with here.running(here.text(BODY, name="twice"), name="twice") as running:
        old = running.runtime.connect().pid
        processes, _ = running.managed.master.reload()
        assert processes.current is not None
        order = cmd.SetWeight("b", "a", 9)
        with pytest.raises(Replaced, match=f"worker {old} was replaced"):
            running.runtime.run([order])
        running.runtime.run([order])  # over a new connection
        assert running.runtime.observe(pid=processes.current.pid)[1][0].weight == 9
        with (
            Runtime(running.runtime.address, timeout=0.1, worker=old) as hasty,
            pytest.raises(OtherWorker, match=f"instead of {old}"),
        ):
            hasty.run([order])
        with pytest.raises(OtherWorker, match=f"instead of {old}"):
            hasty.observe(pid=old)


def test_it_speaks_over_tcp_too(here: Place) -> None:
    port = free_port()
    extra = f"global\n  stats socket ipv4@127.0.0.1:{port} level admin\n"
    with (
        here.running(here.text(BODY, name="tcp").replace("global\n", extra), name="tcp"),
        Runtime(f"127.0.0.1:{port}") as runtime,
    ):
        assert runtime.info().name == "HAProxy"


def test_a_socket_without_admin_level_is_told(here: Place) -> None:
    text = here.text(BODY, name="user").replace("level admin", "level user")
    with (
        here.running(text, name="user"),
        Runtime(here.folder / "user.sock") as runtime,
        pytest.raises(Refused, match="user: 'stats socket' needs 'level admin'"),
    ):
        runtime.features()


def test_nothing_at_the_socket_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="nothing answers"):
        Runtime(tmp_path / "none").info()
    assert not answers(tmp_path / "none")


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("/run/h.sock", Unix("/run/h.sock")),
        ("unix@h.sock", Unix("h.sock")),
        ("uxst@/run/h.sock", Unix("/run/h.sock")),
        ("stream+unix@/run/h.sock", Unix("/run/h.sock")),
        ("h.sock", Unix("h.sock")),
        ("abns@name", Unix("\0name" + 103 * "\0")),
        ("abnsz@name", Unix("\0name")),
        ("127.0.0.1:99", Tcp("127.0.0.1", 99)),
        ("127.0.0.1:99-102", Tcp("127.0.0.1", 99)),
        ("localhost:99", Tcp("localhost", 99)),
        ("ipv4@*:99", Tcp("127.0.0.1", 99)),
        ("*:99", Tcp("127.0.0.1", 99)),
        (":99", Tcp("127.0.0.1", 99)),
        (":::99", Tcp("::1", 99)),
        ("ipv6@:99", Tcp("::1", 99)),
        ("ipv6@::1:99", Tcp("::1", 99)),
        ("[::1]:99", Tcp("::1", 99)),
        ("tcp6@[::1]:99", Tcp("::1", 99)),
        ("mptcp@127.0.0.1:99", Tcp("127.0.0.1", 99)),
    ],
)
def test_an_address_is_a_path_a_name_or_a_port(address: str, found: Unix | Tcp) -> None:
    assert where(address) == found


def test_an_odd_port_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match="a path or host:port is needed"):
        Runtime("localhost:http").info()


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[tuple[socket.socket, Runtime]]:
    """A listening socket, and a client that will meet what a test does there."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listening, Runtime(path, timeout=0.2) as runtime:
        listening.bind(str(path))
        listening.listen()
        yield listening, runtime


def answer(listening: socket.socket, *replies: bytes) -> Thread:
    """Accept one connection, send each reply after something was read, then close."""

    def serve() -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            for reply in replies:
                connection.recv(4096)
                connection.sendall(reply)

    thread = Thread(target=serve)
    thread.start()
    return thread


def test_silence_is_unreachable_after_the_time_limit(
    broken: tuple[socket.socket, Runtime],
) -> None:
    with pytest.raises(Unreachable, match="broke off: timed out"):
        broken[1].info()


def test_a_connection_that_ends_in_an_answer_is_unreachable(
    broken: tuple[socket.socket, Runtime],
) -> None:
    thread = answer(broken[0], b"\n> ", b"one\n\n> tw")
    with pytest.raises(Unreachable, match="before it answered"):
        broken[1].ask_all(["a", "b"])
    thread.join()


def test_an_answer_that_trickles_is_unreachable_in_time(
    broken: tuple[socket.socket, Runtime],
) -> None:
    thread = Thread(target=trickle, args=(broken[0],))
    thread.start()
    with pytest.raises(Unreachable, match="broke off: timed out"):
        broken[1].ask("a")
    thread.join()


def trickle(listening: socket.socket) -> None:
    """A byte at a time until the other side has enough."""
    connection, _ = listening.accept()
    with connection, suppress(OSError):
        while True:
            connection.sendall(b"x")
            sleep(0.05)


def test_answers_in_pieces_are_put_together(broken: tuple[socket.socket, Runtime]) -> None:
    thread = answer(broken[0], b"\n> ", b"one\n\n> two\n\n>")
    with pytest.raises(Unreachable):
        broken[1].ask_all(["a", "b"])  # the last prompt is cut
    thread.join()
    thread = answer(broken[0], b"\n> ", b"one\n\n> two\n\n> ")
    assert broken[1].ask_all(["a", "b"]) == ["one\n", "two\n"]
    thread.join()


def test_a_connection_that_was_closed_meanwhile_is_replaced(
    broken: tuple[socket.socket, Runtime],
) -> None:
    answer(broken[0], b"\n> ", b"one\n\n> ").join(0)
    assert broken[1].ask_all(["a"]) == ["one\n"]
    eventually(lambda: not broken[1].connected, what="the other side closes")
    thread = answer(broken[0], b"\n> ", b"two\n\n> ")
    assert broken[1].ask_all(["b"]) == ["two\n"]
    thread.join()
