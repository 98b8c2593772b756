"""A ZooKeeper that is broken or hostile: bounded, one line, back-off, and what was known stays."""

import struct
from collections.abc import Iterator

import pytest

from lbdisc.errors import RegistrarError
from lbdisc.testing.waiting import DEADLINE, eventually
from lbdisc.values import Endpoint
from lbdisc_lab.servers.zookeeper.roles import ZooKeeperWatching, holding, settings_from
from lbdisc_zookeeper.settings import ZooKeeperSettings
from support.hostile_zookeeper import (
    CHILDREN,
    READ,
    Answer,
    HostileZooKeeper,
    framed,
    good,
    names,
    reply,
    text,
)

LINE = 600  # characters of an error
ENDPOINT = Endpoint(service="web", name="a", address="10.0.0.7", port=3000)
GB = 2**30


@pytest.fixture
def server() -> Iterator[HostileZooKeeper]:
    with HostileZooKeeper() as server:
        yield server


def settings_for(server: HostileZooKeeper) -> ZooKeeperSettings:
    hosts = {"zookeeper.hosts": [f"127.0.0.1:{server.port}"]}
    return settings_from(hosts, session_timeout=2.0, connect_timeout=2.0)


ANSWERS: dict[str, Answer] = {
    "two gigabytes": lambda *_: struct.pack("!i", 2 * GB - 1) + b"x" * 1_000_000,
    "a negative length": lambda *_: struct.pack("!i", -5),
    "no length": lambda *_: framed(b""),
    "half a header": lambda *_: framed(b"\0" * 7),
    "the number of another request": lambda xid, *_: reply(xid + 1),
    "an error that nobody knows": lambda xid, *_: reply(xid, error=-9999),
    "an answer that nobody asked for": lambda xid, kind, path: reply(99) + good(xid, kind, path),
    "no body": lambda xid, *_: reply(xid),
    "names without end": lambda xid, *_: reply(xid, struct.pack("!i", 2 * GB - 1)),
    "a name that is no text": lambda xid, *_: reply(xid, struct.pack("!i", 1) + text(b"\xff")),
    "a request for a login": lambda *_: reply(-4, error=-115),
    "silence": lambda *_: None,
    "nonsense": lambda *_: b"HTTP/1.1 400 Bad Request\r\n\r\n",
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_answers_of_nonsense_are_one_failure_and_what_was_known_stays(
    server: HostileZooKeeper, kind: str
) -> None:
    with ZooKeeperWatching(settings_for(server)) as watching:
        watching.until_names("a")
        server.answer = ANSWERS[kind]
        server.drop()
        error = str(eventually(lambda: watching.errors, deadline=DEADLINE)[0])
        assert "\n" not in error
        assert len(error) < LINE
        assert {len(shot) for shot in watching.seen} == {1}


def test_answer_that_drips_is_given_up(server: HostileZooKeeper) -> None:
    with ZooKeeperWatching(settings_for(server)) as watching:
        watching.until_names("a")
        server.answer = lambda xid, *_: reply(xid, names(["x" * 1000]))
        server.slowly = True
        server.drop()
        eventually(lambda: watching.errors, deadline=DEADLINE)
        watching.until_names("a")


def test_sessions_that_break_at_once_are_a_failure(server: HostileZooKeeper) -> None:
    def broken(*_: object) -> None:
        server.drop()

    with ZooKeeperWatching(settings_for(server)) as watching:
        watching.until_names("a")
        server.answer = broken
        server.drop()
        eventually(lambda: watching.errors, deadline=DEADLINE)
        assert len(str(watching.errors[0])) < LINE
        watching.until_names("a")


def test_names_that_take_too_much_are_that_services_problem(server: HostileZooKeeper) -> None:
    def answer(xid: int, kind: int, path: str) -> bytes:
        if (kind, path) == (CHILDREN, "/lbdisc"):
            return reply(xid, names(["web", "evil"]))
        if (kind, path) == (CHILDREN, "/lbdisc/evil"):
            return reply(xid, names(["x" * 17 * 1024 * 1024]))
        return good(xid, kind, path)

    server.answer = answer
    with ZooKeeperWatching(settings_for(server)) as watching:
        watching.until_names("a")
        assert [problem.where for problem in watching.last.problems] == ["/lbdisc/evil"]
        assert watching.errors == []


def test_data_that_takes_too_much_are_that_nodes_problem(server: HostileZooKeeper) -> None:
    def answer(xid: int, kind: int, path: str) -> bytes:
        if (kind, path) == (CHILDREN, "/lbdisc/web"):
            return reply(xid, names(["a", "big", "bigger"]))
        if kind == READ and not path.endswith("a"):
            size = 17 * 1024 * 1024 if path.endswith("bigger") else 1_000_000
            return reply(xid, text(b"x" * size) + bytes(80))
        return good(xid, kind, path)

    server.answer = answer
    with ZooKeeperWatching(settings_for(server)) as watching:
        watching.until_names("a")
        wheres = [problem.where for problem in watching.last.problems]
        assert wheres == ["/lbdisc/web/big", "/lbdisc/web/bigger"]
        assert watching.errors == []


@pytest.mark.parametrize("kind", [kind for kind in ANSWERS if kind != "a request for a login"])
def test_registrar_is_not_stopped(server: HostileZooKeeper, kind: str) -> None:
    server.answer = ANSWERS[kind]
    with holding(settings_for(server), ENDPOINT) as held:
        error = eventually(lambda: held.errors, deadline=DEADLINE)[0]
        assert isinstance(error, RegistrarError)
        assert len(str(error)) < LINE
        assert held.broken is None
