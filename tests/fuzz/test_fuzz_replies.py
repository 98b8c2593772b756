"""Whatever HAProxy's sockets answer, and wherever it ends, an odd row is its own harm alone."""

import socket
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest
from hypothesis import strategies as st

from fuzz import words
from fuzz.corpus import CORPUS
from fuzz.exploring import Explore
from lbdisc.errors import LbdiscError
from lbdisc.haproxy.sockets import framing, rows
from lbdisc.haproxy.sockets.contents import Prepare
from lbdisc.haproxy.sockets.master import Processes, alerts, first_alert
from lbdisc.haproxy.sockets.odd_rows import SAID

REAL = {path.stem: path.read_text() for path in (CORPUS / "replies").iterdir()}
READ: dict[str, Callable[[str], object]] = {
    "info": rows.Info.read,
    "stat": rows.read_stats,
    "states": rows.read_states,
    "connections": rows.read_connections,
    "processes": Processes.read,
}
# Before this line the heads of all tables stand.
FIRST_ROW = {"stat": 1, "states": 2, "connections": 1}
said = st.lists(
    st.sampled_from((*words.SIGNS, *words.NUMBERS, "a", "0", ": ", "0d0h0m1s", "#", "-")),
    max_size=8,
).map("".join)
bits = st.binary(max_size=200)


@st.composite
def spoilt(draw: st.DrawFn, reply: str) -> str:
    """A real answer that is cut, and in which something is something else."""
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(reply)))
        reply = reply[:start] + draw(said) + reply[start + draw(st.integers(0, 20)) :]
    return reply[: draw(st.integers(0, len(reply)))] if draw(st.booleans()) else reply


@pytest.mark.parametrize("kind", READ)
def test_any_answer_is_read_or_refused(explore: Explore, kind: str) -> None:
    def check(reply: str) -> None:
        with suppress(LbdiscError):
            READ[kind](reply)
        rows.part_info(reply)

    explore(check, st.one_of(spoilt(REAL[kind]), said), examples=120)


@pytest.mark.parametrize("kind", FIRST_ROW)
def test_a_row_that_is_odd_hides_no_other(explore: Explore, kind: str) -> None:
    lines, first = REAL[kind].split("\n"), FIRST_ROW[kind]
    known = set(map(repr, READ[kind](REAL[kind])))  # type: ignore[call-overload]
    assert len(known) == 3 if kind != "stat" else len(known) > 3

    def check(odd: str, at: int) -> None:
        row = odd.replace("\n", " ").replace('"', "")
        at = first + at % (len(lines) - first)
        found = READ[kind]("\n".join((*lines[:at], row, *lines[at:])))
        assert known <= set(map(repr, found))  # type: ignore[call-overload]

    explore(check, said, st.integers(0, 50), examples=80)


def test_a_table_of_odd_rows_is_said_in_a_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    head = REAL["stat"].partition("\n")[0]
    assert rows.read_stats("\n".join((head, *(["b,c"] * 100_000)))) == ()
    assert len(caplog.records) == SAID + 1
    assert "100000 in all" in caplog.records[-1].message


def test_a_quote_that_is_never_closed_hides_no_row() -> None:
    head, *others = REAL["stat"].split("\n")
    found = rows.read_stats("\n".join((head, 'a,"', *(others * 2000))))
    assert len(found) == 2000 * len(rows.read_stats(REAL["stat"]))


def test_any_bytes_are_an_answer(explore: Explore) -> None:
    def check(pieces: Sequence[bytes]) -> None:
        ours, its = socket.socketpair()
        with ours, its:
            for piece in pieces:
                its.sendall(piece)
            its.shutdown(socket.SHUT_WR)
            with suppress(LbdiscError, OSError):
                assert isinstance(framing.whole(ours, "show env\n", 5), str)

    explore(check, st.lists(bits, max_size=4), examples=100)


def test_any_bytes_end_a_conversation_or_go_on_with_it(explore: Explore) -> None:
    prompt = st.sampled_from((b"\n> ", b"> ", b"\n", b"+ ", b"admin\n\n> "))

    def check(pieces: Sequence[bytes]) -> None:
        ours, its = socket.socketpair()
        with ours, its:
            its.sendall(b"".join(pieces))
            its.shutdown(socket.SHUT_WR)
            with suppress(LbdiscError, OSError):
                talk = framing.Conversation(ours, 5)
                assert len(talk.exchange([("x\n", 0.0), ("y <<\nz\n\n", 0.0)])) == 2
                talk.who()

    explore(check, st.lists(st.one_of(prompt, prompt, bits), max_size=8), examples=100)


def test_any_words_of_the_master_are_told(explore: Explore) -> None:
    def check(log: str) -> None:
        assert isinstance(first_alert(f"[ALERT]    (7) : {log}"), str)
        assert isinstance(alerts(log), list)
        with suppress(LbdiscError):
            assert Prepare("m", "map").version(f"New version created: {log}") >= 0

    explore(check, said, examples=100)
