"""The fault proxy does to connections what its names say."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from lbdisc.testing import FaultProxy, Leaks, accepts, eventually


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that sends back what it gets."""
    server = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def answer(client: socket.socket) -> None:
        with client, suppress(OSError):
            while content := client.recv(4096):
                client.sendall(content)

    def serve() -> None:
        with suppress(OSError):
            while not ended.is_set():
                threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield int(server.getsockname()[1])
    ended.set()
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


@pytest.fixture
def proxy(echo: int) -> Iterator[FaultProxy]:
    with FaultProxy(echo) as proxy:
        yield proxy


def connected(proxy: FaultProxy) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", proxy.port), timeout=10)
    client.sendall(b"hello")
    assert client.recv(5) == b"hello"
    return client


def test_what_is_sent_comes_through_whole(proxy: FaultProxy) -> None:
    sent = bytes(range(256)) * 4000
    with connected(proxy) as client:
        threading.Thread(target=client.sendall, args=(sent,), daemon=True).start()
        got = b""
        while len(got) < len(sent):
            got += client.recv(65536)
    assert got == sent


def test_an_end_is_passed_on(proxy: FaultProxy) -> None:
    with connected(proxy) as client:
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    eventually(lambda: proxy.connections == 0)


def test_cut_resets_and_refuses_until_healed(proxy: FaultProxy) -> None:
    with connected(proxy) as client:
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert not accepts(proxy.port)
    proxy.heal()
    connected(proxy).close()


def test_drop_resets_and_welcomes(proxy: FaultProxy) -> None:
    with connected(proxy) as client:
        proxy.drop()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    connected(proxy).close()


def test_stall_holds_back_until_healed(proxy: FaultProxy) -> None:
    with connected(proxy) as client:
        proxy.stall()
        client.sendall(b"later")
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(5)
        client.settimeout(10)
        proxy.heal()
        assert client.recv(5) == b"later"


def test_stall_accepts_new_connections(proxy: FaultProxy) -> None:
    proxy.stall()
    assert accepts(proxy.port)


def test_delay_passes_later(proxy: FaultProxy) -> None:
    with connected(proxy) as client:
        proxy.delay(0.2)
        sent = time.monotonic()
        client.sendall(b"later")
        assert client.recv(5) == b"later"
        assert time.monotonic() - sent >= 0.4, "both directions are delayed"


def test_a_dead_server_ends_the_connection() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with (
            FaultProxy(unused.getsockname()[1]) as proxy,
            socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client,
        ):
            assert _ended(client)


def _ended(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("stalled", [False, True])
def test_closing_leaves_nothing(echo: int, stalled: bool) -> None:
    leaks = Leaks()
    with FaultProxy(echo) as proxy, connected(proxy) as client:
        if stalled:
            proxy.stall()
            client.sendall(b"never")
    eventually(lambda: not {one for one in leaks.new() if "fault proxy" in one})
