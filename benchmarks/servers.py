"""What the measurements need around a load balancer: apps, a registry to write to, requests."""

import http.client
import ipaddress
import json
import socket
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from lbdisc.testing.processes import free_port

ROOT = Path(__file__).parent.parent
LOOPBACK = ["127.0.0.0/8"]  # where the nodes are: nobody may be there unless it is said
LBDISC = str(Path(sys.executable).parent / "lbdisc")


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder with a short path, as sockets need; gone at the end."""
    with tempfile.TemporaryDirectory(prefix="lbb-") as folder:
        yield Path(folder)


def free_ports(count: int) -> list[int]:
    """``count`` different ports that nobody listens on."""
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return list(found)


_SHARING: dict[int, dict[str, int]] = {}


def address(name: str, port: int) -> str:
    """Where the node ``name`` is on loopback: no two nodes at one port have one address.

    The registry may have an ``address:port`` only once; ``responders`` answer at all of them.
    """
    sharing = _SHARING.setdefault(port, {})
    number = sharing.setdefault(name, len(sharing))
    return str(ipaddress.ip_address("127.1.0.0") + number) if number else "127.0.0.1"


class Apps:
    """Web apps in one process of their own (``benchmarks.responder``), by name and port."""

    def __init__(self, names: Sequence[str]) -> None:
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self._child = subprocess.Popen(
            [
                *(sys.executable, str(ROOT / "benchmarks" / "responder.py")),
                *(f"{name}={port}" for name, port in self.ports.items()),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    @property
    def pid(self) -> int:
        return self._child.pid

    def _answer(self) -> None:
        assert self._child.stdout is not None
        if not self._child.stdout.readline().startswith("ok"):
            raise RuntimeError("the web apps ended")

    def close(self, name: str) -> None:
        """End the app ``name`` and its connections."""
        assert self._child.stdin is not None
        self._child.stdin.write(f"close {name}\n")
        self._child.stdin.flush()
        self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._child.kill()
        self._child.wait()


class EtcdWriter:
    """Writes to etcd over one connection to its JSON gateway, as fast as a client can.

    A name may have its service before it, as in ``api/a1``; it is of ``nodes`` otherwise.
    """

    def __init__(self, url: str, *, timeout: float = 10.0) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=timeout)
        self._connection.connect()
        assert self._connection.sock is not None
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def put(self, name: str, port: int) -> None:
        self._call("put", {"key": _key(name), "value": _coded(_record(name, port))})

    def leave(self, name: str, port: int = 1) -> None:
        """What a registrar does: draining, then gone. The guard would keep one that just went."""
        self._call("put", {"key": _key(name), "value": _coded(_record(name, port, "draining"))})
        self.delete(name)

    def delete(self, name: str, port: int = 0) -> None:
        self._call("deleterange", {"key": _key(name)})

    def put_all(self, ports: Mapping[str, int]) -> None:
        """Many at once, up to 1,000 in one transaction."""
        names = list(ports)
        for at in range(0, len(names), 1000):
            puts = [
                {"request_put": {"key": _key(name), "value": _coded(_record(name, ports[name]))}}
                for name in names[at : at + 1000]
            ]
            self._call("txn", {"success": puts})

    def _call(self, what: str, body: dict[str, object]) -> None:
        self._connection.request("POST", f"/v3/kv/{what}", json.dumps(body))
        reply = self._connection.getresponse()
        text = reply.read()
        if reply.status != 200:
            raise RuntimeError(f"etcd {what}: {text.decode()[:200]}")


def _record(name: str, port: int, state: str = "ready") -> str:
    return json.dumps({"address": address(name, port), "port": port, "state": state})


def _key(name: str) -> str:
    return _coded(f"/lbdisc/{name}" if "/" in name else f"/lbdisc/nodes/{name}")


def _coded(text: str) -> str:
    return b64encode(text.encode()).decode()


def ask(port: int) -> str:
    """One request over a new connection; the node that answered, ``""`` when none did."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n")
            answer = b""
            while part := connection.recv(65536):
                answer += part
    except OSError:
        return ""
    return node_of(answer)


def node_of(answer: bytes) -> str:
    """The node that gave ``answer``; ``""`` unless it is a good one."""
    if not answer.startswith(b"HTTP/1.1 200 "):
        return ""
    _, _, rest = answer.partition(b"x-node: ")
    return rest.partition(b"\r")[0].decode()


def nofile() -> None:
    """As many open files as the system allows: 10,000 checked servers need them."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
