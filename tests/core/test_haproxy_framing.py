"""Answers are cut where HAProxy ends them, whatever is in them."""

import socket
from collections.abc import Sequence
from threading import Thread, Timer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbdisc.haproxy.sockets.framing import Conversation, whole
from lbdisc.haproxy.sockets.rows import Info, part_info, read_states, read_stats

HEADER = "# pxname,svname,status,weight,scur,qcur,stot,cookie,check_status,type,last_chk,"
# What ends a line for somebody, what HAProxy quotes, and what is no text at all.
ODD = (
    "\n",
    "\r",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x85",
    "\u2028",
    '"',
    ",",
    "\n> ",
    "\n\n",
    "\udcff",
    "#",
)
values = st.lists(st.sampled_from([*ODD, "a", "b,s1,UP", HEADER]), max_size=6).map("".join)


def quoted(value: str) -> str:
    """As HAProxy's `csv_enc` writes it."""
    if not any(sign in value for sign in '",\r\n'):
        return value
    doubled = value.replace('"', '""')
    return f'"{doubled}"'


def row(name: str, said: str) -> str:
    return f"b,{name},UP,1,0,0,0,{quoted(said)},L7OK,2,{quoted(said)},"


@given(st.lists(values, max_size=5))
def test_whatever_nodes_say_each_row_is_one_server(said: Sequence[str]) -> None:
    table = "\n".join((HEADER, *(row(f"s{n}", words) for n, words in enumerate(said)), "", ""))
    found = read_stats(table)
    assert [(one.name, one.last_check, one.cookie) for one in found] == [
        (f"s{n}", words, words) for n, words in enumerate(said)
    ]
    assert read_stats(table, only=[("b", "s0")]) == found[:1]


@pytest.mark.parametrize(
    "odd", ['b,x,UP,"', "b,x", "b,x,UP,a,b,c,d,e,f,g,h", row("x", "").replace("1", "one")]
)
def test_an_odd_row_stops_no_other(odd: str) -> None:
    table = "\n".join((HEADER, row("a", ""), odd, row("b", 'say "no"'), row("c", ""), "", ""))
    assert [one.name for one in read_stats(table)] == ["a", "b", "c"]


def test_an_odd_state_stops_no_other() -> None:
    fields = "be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight"
    more = (
        "srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health"
    )
    last = (
        "srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord"
    )
    head = f"1\n# {fields} {more} {last} srv_use_ssl"
    good = "4 b {} {} 127.0.0.1 2 0 1 1 5 6 3 4 6 0 0 0 {} 80 - 0"
    rows = [good.format(1, "a", "-"), "4 b 2 odd", good.format(3, "c", "x\x0b\u2028y")]
    assert [one.server for one in read_states("\n".join((head, *rows, "")))] == ["a", "c"]


INFO = "Name: HAProxy\nVersion: 2.6.12\nPid: 7\nUptime_sec: 1\nCurrConns: 1\nnode: x\n"


@given(values)
def test_a_description_hides_nothing(said: str) -> None:
    reply = f"{INFO}description: {said}\nStopping: 0\nJobs: 1\n\n{HEADER}\n"
    info, rest = part_info(reply)
    assert rest == f"{HEADER}\n"
    assert (Info.read(info).pid, Info.read(info).stopping) == (7, False)
    assert Info.read(info).fields["description"] == said


@given(st.binary(max_size=300))
def test_an_answer_is_all_that_comes_before_the_end(said: bytes) -> None:
    ours, its = socket.socketpair()
    with ours, its:
        its.sendall(said)
        its.shutdown(socket.SHUT_WR)
        assert whole(ours, "show env\n", 5).encode(errors="surrogateescape") == said


@given(
    st.lists(st.sampled_from(["", "done\n", "a\n\nb\n", "+ x\n"]), max_size=5), st.integers(1, 9)
)
def test_orders_in_pieces_are_answered_each(replies: list[str], size: int) -> None:
    said = "\n> " + "".join(f"{reply}\n> " for reply in replies)
    ours, its = socket.socketpair()
    with ours, its:
        thread = Thread(target=send, args=(its, said, size))
        thread.start()
        conversation = Conversation(ours, 5)
        assert conversation.exchange([("x\n", 0.0)] * len(replies)) == replies
        thread.join()


def test_an_order_that_takes_long_is_waited_for() -> None:
    ours, its = socket.socketpair()
    with ours, its:
        its.sendall(b"\n> ")
        conversation = Conversation(ours, 0.01)
        later = Timer(0.1, lambda: its.sendall(b"Done.\n\n> "))
        later.start()
        assert conversation.exchange([("wait 10s\n", 30.0)]) == ["Done.\n"]
        later.join()


def send(to: socket.socket, said: str, size: int) -> None:
    for at in range(0, len(said), size):
        to.sendall(said[at : at + size].encode())


def test_the_answer_for_a_worker_that_is_not_there_is_whole_though_nobody_closes() -> None:
    said = b"Can't find the target PID matching the prefix '@!4015'\n"
    ours, its = socket.socketpair()
    with ours, its:
        its.sendall(said)
        assert whole(ours, "@!4015 show info\n", 0.5, half_close=True) == said.decode()
