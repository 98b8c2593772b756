"""Connections that can be given up, and what is ready to be read."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers.certificates import NAMES, Authority
from lbdisc_zookeeper.settings import ZooKeeperSettings
from lbdisc_zookeeper.sockets import connect, wait
from lbdisc_zookeeper.trust import Contexts


@pytest.fixture
def silent() -> Iterator[tuple[str, int]]:
    """An address where connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


def test_handshake_with_a_silent_server_can_be_given_up(silent: tuple[str, int]) -> None:
    given_up, errors = Event(), list[OSError]()

    def run() -> None:
        context = Contexts(ZooKeeperSettings(tls=True)).current()
        try:
            connect(silent, host="localhost", timeout=300, context=context, given_up=given_up)
        except OSError as error:
            errors.append(error)

    thread = Thread(target=run)
    thread.start()
    given_up.set()
    thread.join()
    assert isinstance(errors[0], ConnectionAbortedError)


def test_handshake_with_a_silent_server_ends_at_the_time_out(silent: tuple[str, int]) -> None:
    context = Contexts(ZooKeeperSettings(tls=True)).current()
    with pytest.raises(TimeoutError):
        connect(silent, host="localhost", timeout=0.1, context=context, given_up=Event())


def test_silent_connection_is_not_ready_to_be_read(silent: tuple[str, int]) -> None:
    with connect(silent, host="", timeout=5, context=None, given_up=Event()) as connection:
        assert wait([connection], [connection], 0) == ([], [connection])


def test_bytes_that_tls_holds_back_are_ready_to_be_read(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    made = authority.issue("server", *NAMES)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.cert, made.key)

    def answer(server: socket.socket) -> None:
        raw, _ = server.accept()
        with context.wrap_socket(raw, server_side=True) as connection:
            connection.sendall(b"two answers in one record")
            connection.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=answer, args=(server,)).start()
        tls = Contexts(ZooKeeperSettings(ca_file=authority.cert)).current()
        address = server.getsockname()
        with connect(address, host="localhost", timeout=9, context=tls, given_up=Event()) as client:
            first = eventually(lambda: wait([client], [], 1)[0] and _received(client))
            assert first == b"t"
            assert wait([client], [], 0) == ([client], [])


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1)
    except ssl.SSLWantReadError:  # a session ticket, no data
        return b""
