"""Orders by the socket: known by the kernel, bounded, and nobody holds up anybody."""

import json
import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from lbdisc.agent.control_socket import ROOM, ControlSocket
from lbdisc.agent.refusals import Refusals
from lbdisc.agent.watching import Wake
from lbdisc.errors import LbdiscError
from lbdisc.orders import LONGEST, SOCKET, NoAgent, OperatorOrder, OrderReply, order, reachable
from lbdisc.testing.waiting import eventually
from lbdisc.trust import user_name
from support.users import NEIGHBOUR, ONLY_ROOT, STRANGER, WATCHERS, open_folder, ran_by

ASK = """
import sys
from pathlib import Path
from lbdisc.orders import order
print(order(Path(sys.argv[1]), "pause").text)
"""


class Loop:
    """The agent's loop, which does errands only while it turns."""

    def __init__(self) -> None:
        self.wake = Wake()
        self.turns = threading.Event()
        self.turns.set()
        self.heard: list[tuple[OperatorOrder, str]] = []
        self.over = self.breaks = False

    def obey(self, order: OperatorOrder, by: str) -> OrderReply:
        self.heard.append((order, by))
        if self.breaks:
            raise RuntimeError("bug")
        return OrderReply(order.ask != "undo", f"{order.ask} by {by}")

    def run(self) -> None:
        while not self.over:
            if self.turns.wait(0.02):
                self.wake.do_errands()
            self.wake.wait(0.02)


@contextmanager
def listening(folder: Path, group: str = "") -> Iterator[Loop]:
    loop = Loop()
    taken = ControlSocket(folder, loop.wake.ask, loop.obey, group=group)
    taken.start()
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        yield loop
    finally:
        taken.stop()
        loop.over = True
        thread.join(10)


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    with listening(tmp_path) as loop:
        yield loop


@contextmanager
def connection(folder: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as found, reachable(folder) as path:
        found.settimeout(30)
        found.connect(path)
        yield found


def answer(found: socket.socket) -> str:
    """All that comes until the other end closes, as text."""
    parts = []
    try:
        while part := found.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return str(json.loads(b"".join(parts))["text"]) if parts else ""


def test_an_order_is_obeyed_and_the_caller_is_known(tmp_path: Path, loop: Loop) -> None:
    reply = order(tmp_path, "drain", what="nodes/s1", why="its disk", for_s=60)
    by = f"{user_name(os.getuid())} ({os.getuid()})"
    assert reply == OrderReply(True, f"drain by {by}")
    wanted = OperatorOrder(ask="drain", what="nodes/s1", why="its disk", for_s=60.0)
    assert loop.heard == [(wanted, by)]
    assert not order(tmp_path, "undo").done


def test_the_socket_is_for_its_user_alone_and_goes_with_the_agent(tmp_path: Path) -> None:
    (tmp_path / SOCKET).touch()  # what an agent that was killed left
    with listening(tmp_path):
        assert stat.S_IMODE((tmp_path / SOCKET).stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(NoAgent, match="no agent answers"):
        order(tmp_path, "pause")


def test_a_folder_with_a_long_path_has_one_too(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 50)
    folder.mkdir()
    with listening(folder):
        assert order(folder, "pause").done


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"x" * 1_000_000, f"a line of more than {LONGEST} bytes"),
        (b"[" * 10_000 + b"\n", "one line of JSON"),
        (b"[]\n", "JSON object"),
        (b'{"schema": 1, "ask": "drain", "for": 3}\n', "an order has no 'for'"),
        (b'{"schema": 1, "ask": "format"}\n', "no order 'format'"),
        (b'{"schema": 1, "ask": "pause", "why": 3}\n', "is to be a text"),
        (b'{"schema": 1, "ask": "pause", "for_s": 1e999}\n', "is to be a number"),
        (b'{"schema": 1, "ask": "weight", "weight": 1.5}\n', "is to be a number"),
        (b'{"schema": 1, "ask": "weight", "weight": true}\n', "is to be a number"),
        (b"", "no order came within"),
        (b'{"schema": 1,', "no order came within"),
    ],
)
def test_what_is_no_order_is_told_so_and_dropped(
    tmp_path: Path, loop: Loop, line: bytes, says: str
) -> None:
    with connection(tmp_path) as found:
        try:
            found.sendall(line)
        except (BrokenPipeError, ConnectionResetError):
            return  # it has been turned away before it was through
        assert says in answer(found)
    assert loop.heard == []


def test_two_hundred_who_say_nothing_hold_up_no_order_for_long(tmp_path: Path, loop: Loop) -> None:
    with ExitStack() as stack:
        for _ in range(200):
            with suppress(BlockingIOError):  # the kernel has no room for more
                stack.enter_context(connection(tmp_path))
        assert threading.active_count() < 200
        assert order(tmp_path, "pause").done


def test_who_asks_too_many_at_once_is_turned_away_at_once(tmp_path: Path, loop: Loop) -> None:
    loop.turns.clear()
    with ExitStack() as stack:
        for _ in range(ROOM):
            held = stack.enter_context(connection(tmp_path))
            held.sendall(OperatorOrder(ask="pause").to_line())
        with connection(tmp_path) as found:
            assert f"more than {ROOM}" in answer(found)
        loop.turns.set()


def test_an_order_that_nobody_waits_for_any_more_is_not_carried_out_later(
    tmp_path: Path, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lbdisc.agent.control_socket.PATIENCE", 0.2)
    loop.turns.clear()
    assert "nothing was done" in order(tmp_path, "pause").text
    loop.turns.set()
    assert order(tmp_path, "resume").done
    assert [heard.ask for heard, _ in loop.heard] == ["resume"]


def test_an_order_that_breaks_is_answered_and_the_next_is_obeyed(tmp_path: Path) -> None:
    with listening(tmp_path) as loop:
        obey, loop.obey = loop.obey, None  # type: ignore[assignment]
        taken = ControlSocket(
            tmp_path, loop.wake.ask, lambda order, by: loop.obey(order, by), group=""
        )
        taken.start()
        assert "the agent failed" in order(tmp_path, "pause").text
        loop.obey = obey  # type: ignore[method-assign]
        assert order(tmp_path, "pause").done
        taken.stop()


def test_an_agent_that_answers_nonsense_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as strange:
        with reachable(tmp_path) as path:
            strange.bind(path)
        strange.listen()

        def serve() -> None:
            with strange.accept()[0] as found:
                found.sendall(b"\x1b[2J\n")

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(LbdiscError, match="gave no answer"):
            order(tmp_path, "pause")
        thread.join(10)


@ONLY_ROOT
def test_a_stranger_is_refused() -> None:
    with open_folder() as folder, listening(folder) as loop:
        found = ran_by(STRANGER, ASK, folder)
        assert "you may not give orders" in found.stderr
        (folder / SOCKET).chmod(0o666)  # whatever else may go wrong, the kernel says who asks
        assert "only root, the agent's user" in ran_by(STRANGER, ASK, folder).stdout
        assert loop.heard == []


@ONLY_ROOT
def test_a_member_of_the_group_may(monkeypatch: pytest.MonkeyPatch) -> None:
    class Group:
        gr_gid = WATCHERS

    monkeypatch.setattr("grp.getgrnam", lambda name: Group)
    with open_folder() as folder, listening(folder, "watchers") as loop:
        found = (folder / SOCKET).stat()
        assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o660, WATCHERS)
        assert "you may not" in ran_by(NEIGHBOUR, ASK, folder).stderr
        said = ran_by(WATCHERS, ASK, folder).stdout
        assert said == f"pause by uid {WATCHERS} ({WATCHERS})\n"
        eventually(lambda: len(loop.heard) == 1)


def test_a_group_that_there_is_not_is_said_and_the_agent_goes_on(tmp_path: Path) -> None:
    with listening(tmp_path, "no-such-group"), pytest.raises(NoAgent):
        order(tmp_path, "pause")


def test_a_socket_that_is_stopped_lets_go_of_its_threads(tmp_path: Path) -> None:
    with listening(tmp_path):
        assert order(tmp_path, "pause").done
    eventually(
        lambda: not [t for t in threading.enumerate() if t.name == "lbdisc-orders"],
        what="no thread that listens",
    )


def test_refusals_are_lines_that_fill_no_log() -> None:
    now = [0.0]
    refusals = Refusals(lambda: now[0])
    with capture_logs() as lines:
        for _ in range(200):
            refusals.tell("ana (1000)", "no", ask="pause", what="")
        now[0] = 61.0
        refusals.tell("ana (1000)", "no")
    assert len(lines) == 31
    assert lines[0].keys() == {"by", "because", "ask", "event", "log_level"}
    assert lines[-1]["passed"] == 170
