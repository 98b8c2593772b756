"""Whatever etcd's watches and Serf's agents tell, and in whatever pieces it comes."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from threading import Thread
from typing import Any, cast

import msgpack
import pytest
from hypothesis import strategies as st

from fuzz import words
from fuzz.exploring import Explore
from fuzz.histories import History, Told, histories
from lbdisc import Snapshot
from lbdisc_etcd.failures import Failure
from lbdisc_etcd.following import Following, Known, Teller
from lbdisc_etcd.settings import EtcdSettings
from lbdisc_etcd.wire import Session
from lbdisc_serf.asking import answer
from lbdisc_serf.members import Member
from lbdisc_serf.rpc import SerfClient
from lbdisc_serf.wire import RpcError

SETTINGS = EtcdSettings()


def test_any_history_ends_in_what_is_there(explore: Explore) -> None:
    def check(history: History) -> None:
        told: list[Snapshot] = []
        known = Known.nothing(SETTINGS)
        session = cast(Session, Told(history))
        teller = Teller(lambda snapshot, **_: told.append(snapshot))
        with suppress(Failure), Following(session, SETTINGS, known, teller) as following:
            following.begin()
            following.go_on()
        model = Known.nothing(SETTINGS)
        for key, value in history.at(len(history.revisions)).items():
            model.records.put(key, value)
        assert told[-1].endpoints == model.records.snapshot().endpoints
        assert told[-1].problems == model.records.snapshot().problems

    explore(check, histories(), examples=80)


class Agent:
    """Answers each connection with the same bytes, and closes it."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listening.getsockname()
        self.says = b""
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                with connection, suppress(OSError):
                    connection.sendall(self.says)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


@pytest.fixture
def agent() -> Iterator[Agent]:
    found = Agent()
    yield found
    found.close()


odd = st.sampled_from((*words.SIGNS, *words.INJECTIONS)).map(words.raw)
# What Serf sends where it is itself, and what else fits there.
leaf: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.binary(max_size=17),
    odd,
)
tree = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.binary(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
header = st.builds(
    lambda seq, error: {b"Seq": seq, b"Error": error}, st.integers(0, 4), st.just(b"")
)
member = st.fixed_dictionaries(
    {
        b"Name": st.one_of(st.just(b"good"), odd, leaf),
        b"Addr": st.one_of(st.just(b"\x0a\0\0\1"), leaf),
        b"Port": st.one_of(st.just(7946), leaf),
        b"Status": st.one_of(st.just(b"alive"), leaf),
        b"Tags": st.one_of(st.just({b"lbdisc.nodes": b"80"}), tree),
    }
)
body = st.one_of(
    tree, st.builds(lambda found: {b"Members": found}, st.lists(st.one_of(member, tree)))
)
shaken = {b"Seq": 1, b"Error": b""}


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """What follows a handshake, mostly msgpack, and now and then cut off."""
    first = draw(st.sampled_from((shaken, shaken, shaken, None)))
    objects = [first, {b"Seq": 2, b"Error": b""}, draw(body)] if first else draw(st.lists(tree))
    objects += draw(st.lists(st.one_of(header, body), max_size=3))
    said = b"".join(msgpack.packb(found, use_bin_type=False) for found in objects)
    said += draw(st.binary(max_size=20))
    return said[: draw(st.integers(0, len(said)))] if draw(st.booleans()) else said


def test_any_answer_of_a_serf_agent_is_read_or_refused(explore: Explore, agent: Agent) -> None:
    def check(said: bytes) -> None:
        agent.says = said
        with suppress(RpcError), SerfClient(agent.address, timeout=5.0) as client:
            assert all(isinstance(found, Member) for found in client.members())
            client.stats()

    explore(check, answers(), examples=60)


@pytest.mark.parametrize(
    "said",
    [
        b"\x91" * 5000,
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xdd\x03\xff\xff\xff" * 900,
    ],
    ids=[
        "deep",
        "a list without end",
        "a table without end",
        "a text without end",
        "lists of many",
    ],
)
def test_lengths_that_are_only_said_take_no_memory(agent: Agent, said: bytes) -> None:
    agent.says = msgpack.packb(shaken, use_bin_type=False) + said
    with pytest.raises(RpcError), SerfClient(agent.address, timeout=5.0) as client:
        client.members()


def test_any_question_has_an_answer(explore: Explore) -> None:
    known = (Member(name="a", address="10.0.0.1", port=1, status="alive", tags={}),)
    json = st.sampled_from(
        (b'["a","10.0.0.1","x","y"]', b"[" * 900, b'[[],{},1,"a"]', b"{}", b"1e999")
    )
    payloads: st.SearchStrategy[object] = st.one_of(st.binary(max_size=60), json, leaf)

    def check(payload: object) -> None:
        assert answer(payload, known) in ("yes", "no", "10.0.0.1")

    explore(check, payloads, examples=100)
