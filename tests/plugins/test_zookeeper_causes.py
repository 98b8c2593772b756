"""Why ZooKeeper does not answer: each cause is named in one line, and the last state stays."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from lbdisc.errors import DiscoveryError
from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers import zookeeper
from lbdisc_lab.servers.zookeeper.editor import Editor
from lbdisc_lab.servers.zookeeper.roles import ZooKeeperWatching, settings_from
from lbdisc_zookeeper import probing
from lbdisc_zookeeper.settings import ZooKeeperSettings

RECORD = b'{"address": "10.0.0.7", "port": 3000}'
SOON = ZooKeeperSettings(connect_timeout=1.0)


def told(settings: ZooKeeperSettings) -> str:
    """What a discovery says that has never had a connection."""
    with ZooKeeperWatching(settings) as watching:
        eventually(lambda: watching.errors)
    assert isinstance(watching.errors[0], DiscoveryError)
    assert watching.seen == []
    text = str(watching.errors[0])
    assert "\n" not in text
    return text


@pytest.fixture
def three(tmp_path: Path) -> Iterator[zookeeper.ZooKeeperEnsemble]:
    with zookeeper.start(tmp_path / "zk", members=3) as ensemble:
        yield ensemble


def test_too_many_connections_are_named(tmp_path: Path) -> None:
    with zookeeper.start(tmp_path / "zk", config=("maxClientCnxns=1",)) as registry:
        settings = settings_from(registry.settings, connect_timeout=1.0)
        with Editor(registry.plain_hosts):
            assert "maxClientCnxns in its zoo.cfg" in told(settings)


@pytest.mark.parametrize("error", [BrokenPipeError, ConnectionResetError])
def test_one_that_had_closed_before_we_looked_has_too_many(error: type[OSError]) -> None:
    def closed_already(_: object) -> socket.socket:
        raise error

    assert "maxClientCnxns in its zoo.cfg" in probing.cause(closed_already, None)


@pytest.mark.timeout(120)  # three servers on a shared machine
def test_lost_majority_is_named(three: zookeeper.ZooKeeperEnsemble) -> None:
    three.kill(0)
    three.kill(1)
    settings = settings_from(three.settings, connect_timeout=1.0)
    eventually(lambda: "its ensemble has no majority" in told(settings))


@pytest.mark.timeout(120)
def test_read_only_member_is_named_and_never_believed(tmp_path: Path) -> None:
    options = ("readonlymode.enabled=true",)
    with (
        zookeeper.start(tmp_path / "zk", members=3, properties=options) as three,
        Editor(three.plain_hosts) as editor,
        ZooKeeperWatching(settings_from(three.settings)) as watching,
    ):
        editor.put("/lbdisc/web/a", RECORD)
        watching.until_names("a")
        three.kill(0)
        three.kill(1)
        eventually(lambda: three.mode(2) == "read-only")
        eventually(lambda: "it is read-only" in str(watching.errors[-1:]))
        assert watching.names == ["a"]


def test_port_for_tls_is_named(tmp_path: Path) -> None:
    with zookeeper.start(tmp_path / "zk", tls=True) as registry:
        assert "it wants TLS (see zookeeper.tls)" in told(replace(SOON, hosts=(*registry.hosts,)))


@pytest.mark.parametrize(
    ("greeting", "answer", "named"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", b"", "it is no ZooKeeper, it says 'SSH-2.0-OpenSSH_9.2'"),
        (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", "it says 'HTTP/1.1 400 Bad Request'"),
        (b"", b"srvr is not executed because it is not in the whitelist.", "may have no majority"),
        (b"", b"", "no answer of a ZooKeeper, it closes the connection (see zookeeper.hosts"),
    ],
)
def test_stranger_is_named(greeting: bytes, answer: bytes, named: str) -> None:
    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = server.accept()
                with client, suppress(OSError):
                    client.sendall(greeting)
                    client.recv(100)
                    client.sendall(answer)

    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        Thread(target=serve, daemon=True).start()
        stack.callback(server.shutdown, socket.SHUT_RDWR)
        assert named in told(replace(SOON, hosts=(f"127.0.0.1:{server.getsockname()[1]}",)))


def test_silent_stranger_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        hosts = (f"127.0.0.1:{server.getsockname()[1]}",)
        assert "it says nothing (see zookeeper.hosts" in told(replace(SOON, hosts=hosts))
