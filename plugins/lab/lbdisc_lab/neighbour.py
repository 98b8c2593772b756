"""A hostile neighbour: whoever may write one record, and writes whatever it can, without pause.

>>> with HostileNeighbour(EtcdHand("http://127.0.0.1:2379"), rate=1000) as neighbour:
...     ...  # what must not be disturbed by it
>>> neighbour.changes
60000
"""

import http.client
import json
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

from kazoo.client import KazooClient
from kazoo.exceptions import ConnectionLoss, KazooException, NodeExistsError, NoNodeError

Key = tuple[str, str]  # service and name
Changes = Mapping[Key, bytes | None]  # None: the record goes
SERVICE, OTHER, AGENTS = "nodes", "other", "_agents"
NESTED = 36  # values, nested up to where readers give up
FOREIGN = 64  # MB of values that are no records
_PIECE = 500_000  # bytes of one of them: what every registry takes by default
_PATIENCE = 120.0  # seconds for an answer of a registry that is busy with all of this
_SLICE = 0.02  # seconds between two bursts
_BURST = 100  # changes: etcd takes 128 in one transaction


class Hand(Protocol):
    """How to write into a registry."""

    def write(self, changes: Changes) -> None: ...

    def close(self) -> None: ...


class FileHand:
    """Writes files as ``lbdisc register`` does, beside it and renamed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, changes: Changes) -> None:
        for (service, name), value in changes.items():
            place = self._folder / service
            place.mkdir(exist_ok=True)
            file = place / f"{name}.json"
            if value is None:
                file.unlink(missing_ok=True)
            else:
                made = place / f".{name}"
                made.write_bytes(value)
                made.rename(file)

    def close(self) -> None:
        pass


class EtcdHand:
    """Writes over one connection to etcd's JSON gateway, many in one transaction."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_PATIENCE)

    def write(self, changes: Changes) -> None:
        steps = [self._step(key, value) for key, value in changes.items()]
        self._connection.request("POST", "/v3/kv/txn", json.dumps({"success": steps}))
        reply = self._connection.getresponse()
        said = reply.read()
        if reply.status != 200:
            raise OSError(f"etcd: {said[:200]!r}")

    @staticmethod
    def _step(key: Key, value: bytes | None) -> dict[str, object]:
        name = b64encode("/".join(("/lbdisc", *key)).encode()).decode()
        if value is None:
            return {"request_delete_range": {"key": name}}
        return {"request_put": {"key": name, "value": b64encode(value).decode()}}

    def close(self) -> None:
        self._connection.close()


class ZooKeeperHand:
    """Writes persistent nodes."""

    def __init__(self, hosts: str) -> None:
        self._client: Any = KazooClient(hosts=hosts, timeout=10)
        self._client.start(timeout=30)
        self._known: set[str] = set()

    def write(self, changes: Changes) -> None:
        """Those of one call are on their way together."""
        paths = ("/".join(("/lbdisc", *key)) for key in changes)
        answers = list(map(self._begin, paths, changes.values()))
        for answer, (key, value) in zip(answers, changes.items(), strict=True):
            with suppress(NoNodeError, NodeExistsError):
                try:
                    answer.get(timeout=_PATIENCE)
                except ConnectionLoss:
                    self._client.retry(self._again, "/".join(("/lbdisc", *key)), value)

    def _again(self, path: str, value: bytes | None) -> None:
        """What was on its way when the connection broke."""
        self._begin(path, value).get(timeout=_PATIENCE)

    def _begin(self, path: str, value: bytes | None) -> Any:
        if value is None:
            self._known.discard(path)
            return self._client.delete_async(path)
        if path in self._known:
            return self._client.set_async(path, value)
        self._known.add(path)
        return self._client.create_async(path, value, makepath=True)

    def close(self) -> None:
        with suppress(KazooException):
            self._client.stop()
            self._client.close()


class HostileNeighbour:
    """Writes ``rate`` changes a second from a thread of its own, while the ``with`` lasts.

    Before the first of them come 36 nested values and ``foreign`` MB of values that are no records.
    ``since`` is the monotonic time from which on ``changes`` are counted, 0 before; ``failure`` is
    what ended the thread.
    """

    def __init__(self, hand: Hand, *, rate: float = 1000.0, foreign: int = FOREIGN) -> None:
        self._hand = hand
        self._rate = rate
        self._foreign = foreign
        self.changes = 0
        self.since = 0.0
        self.failure: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="neighbour", daemon=True)

    def _run(self) -> None:
        try:
            for changes in beginnings(self._foreign):
                self._write(changes)
            self._go_on()
        except BaseException as error:  # noqa: BLE001 - for the thread that looks
            self.failure = error

    def _go_on(self) -> None:
        draw = Random(13)
        self.since = time.monotonic()
        while not self._stop.wait(_SLICE):
            due = int((time.monotonic() - self.since) * self._rate) - self.changes
            burst = dict(change(draw) for _ in range(min(due, _BURST)))
            self._write(burst)
            self.changes += len(burst)

    def _write(self, changes: Changes) -> None:
        if changes and not self._stop.is_set():
            self._hand.write(changes)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._hand.close()


def beginnings(foreign: int) -> Iterator[Changes]:
    """What is written once, each in a call of its own where it is large."""
    for number in range(NESTED):
        depth = 960 + number
        deep = b'{"address":' + b"[" * depth + b"]" * depth + b',"port":80}'
        yield {(SERVICE, f"deep{number}"): deep}
    for number in range(foreign * 1024 * 1024 // _PIECE):
        yield {(SERVICE, f"foreign{number}"): b"x" * _PIECE}


def change(draw: Random) -> tuple[Key, bytes | None]:
    """The next change: rubbish, an endpoint of a service of its own, or an agent that is none."""
    kind, number = draw.random(), draw.randrange(100)
    if kind < 0.6:
        return (SERVICE, f"rubbish{number}"), _rubbish(draw)
    if kind < 0.8:
        there = {"address": f"10.255.255.{number + 1}", "port": draw.randrange(1, 65536)}
        return (OTHER, f"flapping{number}"), draw.choice((None, json.dumps(there).encode()))
    said = {"digest": f"a.b.{'z' * draw.choice((6, 300))}.{draw.random()}", "services": "nodes"}
    agent = {"address": "10.255.255.1", "port": 1, "tags": said}
    return (AGENTS, f"fake{number % 20}"), json.dumps(agent).encode()


def _rubbish(draw: Random) -> bytes:
    depth = draw.randrange(900, 2000)
    return draw.choice(
        (
            b'{"address":"10.0.0.1\\n    server evil 6.6.6.6:80","port":80}',
            b'{"address":"10.0.0.1","port":' + b"9" * draw.randrange(1, 6000) + b"}",
            b'{"address":"10.0.0.1","port":80,"tags":' + b'{"a":' * depth + b"1" + b"}" * depth,
            b'{"address":"10.0.0.1","port":80,"tags":' + b"[" * depth + b"]" * depth + b"}",
            bytes(draw.randrange(256) for _ in range(200)),
            b"x" * draw.randrange(1, 70_000),
            b"",
        )
    )
