"""A reader that takes nothing is dropped after its time, holds little, and delays nobody."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import pytest

from lbdisc.testing.waiting import eventually
from lbdisc_web import serving
from support.web_pages import ServedPage, applied, some

MANY = some(3000)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedPage]:
    with closing(ServedPage(tmp_path)) as made:
        made.hear(applied(*MANY))
        yield made


def stuck(served: ServedPage) -> socket.socket:
    """One who asks for the events and never reads."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect(("127.0.0.1", served.port))
    made.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return made


def connected(served: ServedPage) -> set[int]:
    """The ports of those whom the server has a connection to."""
    found = psutil.Process().net_connections("tcp")
    open_ = [one for one in found if one.laddr.port == served.port and one.raddr]
    return {one.raddr.port for one in open_ if one.status == psutil.CONN_ESTABLISHED}


def test_it_is_dropped_after_fifteen_seconds(served: ServedPage) -> None:
    assert serving.SILENT == 15_000
    with stuck(served) as slow:
        port = slow.getsockname()[1]
        eventually(lambda: port in connected(served), what="the connection")
        eventually(lambda: port not in connected(served), deadline=120, what="the end of it")
    assert served.listener.serving


def test_all_others_hear_what_happens_meanwhile(served: ServedPage) -> None:
    with (
        stuck(served),
        stuck(served),
        httpx.stream("GET", f"{served.url}/events", trust_env=False, timeout=30) as answer,
    ):
        lines = (one for one in answer.iter_lines() if one.startswith("data: "))
        assert len(json.loads(next(lines)[6:])["endpoints"]) == len(MANY)
        for turn in range(1, 21):  # more than one that is stuck may be behind
            served.hear(applied(*MANY[turn:], generation=turn))
            told = json.loads(next(lines)[6:])
            while "endpoints" not in told:
                told = json.loads(next(lines)[6:])
            assert f"nodes/web-{turn - 1}" in told["endpoints"]["gone"]


def test_the_pipeline_never_waits_for_it(served: ServedPage) -> None:
    with stuck(served):
        for turn in range(500):  # what is heard is put away
            served.hear(applied(*MANY[turn % 2 :], generation=turn))
    state = httpx.get(f"{served.url}/state.json", trust_env=False, timeout=30).json()
    assert len(state["endpoints"]) == len(MANY) - 1
