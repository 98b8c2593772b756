"""A server that speaks etcd's wire and says whatever a test wants, as no real one would."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import grpc

from lbdisc_etcd import wire

rpc: Any = wire.rpc
ANSWERS = 32  # requests that are answered at once
CLUSTER = 7
GOOD = b"/lbdisc/web/a"
RECORD = b'{"address": "10.0.0.7", "port": 3000}'

Range = Callable[[Any], Any]
Watch = Callable[[Iterator[Any]], Iterator[Any]]


def header(revision: int = 5, *, cluster: int = CLUSTER) -> Any:
    return rpc.ResponseHeader(cluster_id=cluster, revision=revision)


def kv(key: bytes = GOOD, value: bytes = RECORD, revision: int = 5) -> Any:
    reply = rpc.RangeResponse()
    reply.kvs.add(key=key, value=value, mod_revision=revision)
    return reply.kvs[0]


def ranged(*kvs: Any, more: bool = False, revision: int = 5, cluster: int = CLUSTER) -> Any:
    return rpc.RangeResponse(header=header(revision, cluster=cluster), kvs=kvs, more=more)


def created(revision: int = 5, *, cluster: int = CLUSTER) -> Any:
    return rpc.WatchResponse(header=header(revision, cluster=cluster), created=True)


def told(*kvs: Any, revision: int = 6, cluster: int = CLUSTER, fragment: bool = False) -> Any:
    reply = rpc.WatchResponse(header=header(revision, cluster=cluster), fragment=fragment)
    for each in kvs:
        reply.events.add(kv=each)
    return reply


def good_range(request: Any) -> Any:
    """The one good record, or nothing where another key was asked for."""
    end = request.range_end or request.key + b"\0"
    return ranged(*([kv()] if request.key <= GOOD < end else []))


def good_watch(requests: Iterator[Any]) -> Iterator[Any]:
    """One that begins, and never has any news."""
    next(requests)
    yield created()
    yield from silence(requests)


def silence(requests: Iterator[Any]) -> Iterator[Any]:
    """Until the client goes."""
    for _ in requests:
        pass
    return
    yield


def renewed(requests: Iterator[Any], _: object) -> Iterator[Any]:
    for request in requests:
        yield rpc.LeaseKeepAliveResponse(header=header(), ID=request.ID, TTL=10)


class HostileEtcd:
    """Listens at ``port`` in a ``with`` block; ``range`` and ``watch`` may be set at any time.

    ``ranges`` and ``watches`` count what was asked; ``drop`` ends every stream there is.
    """

    def __init__(self) -> None:
        self.range: Range = good_range
        self.watch: Watch = good_watch
        self.others: dict[str, Callable[[Any], Any]] = {}
        self.ranges = self.watches = self.port = 0
        self._open()

    def _open(self) -> None:
        self._server = grpc.server(ThreadPoolExecutor(ANSWERS), options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((_Handlers(self),))
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        assert self.port

    def drop(self) -> None:
        """Break all connections, and listen again."""
        self._server.stop(0).wait()
        self._open()
        self._server.start()

    def asked(self, request: Any) -> Any:
        self.ranges += 1
        return self.range(request)

    def watched(self, requests: Iterator[Any]) -> Iterator[Any]:
        self.watches += 1
        return self.watch(requests)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop(0).wait()


def _plain(answer: Any) -> bytes:
    """A message, or raw bytes that are none."""
    found: bytes = answer if isinstance(answer, bytes) else answer.SerializeToString()
    return found


class _Handlers(grpc.GenericRpcHandler):  # type: ignore[misc]  # gRPC is untyped
    def __init__(self, server: HostileEtcd) -> None:
        self._server = server

    def service(self, details: Any) -> Any:
        name = details.method.rpartition("/")[2]
        if name == "Range":
            return self._unary(rpc.RangeRequest, self._server.asked)
        if name == "Watch":
            return grpc.stream_stream_rpc_method_handler(
                lambda requests, _: self._server.watched(requests),
                rpc.WatchRequest.FromString,
                _plain,
            )
        if name == "LeaseKeepAlive":
            return grpc.stream_stream_rpc_method_handler(
                renewed, rpc.LeaseKeepAliveRequest.FromString, _plain
            )
        answer = self._server.others.get(name)
        return answer and self._unary(getattr(rpc, f"{name}Request"), answer)

    @staticmethod
    def _unary(kind: Any, answer: Callable[[Any], Any]) -> Any:
        return grpc.unary_unary_rpc_method_handler(
            lambda request, _: answer(request), kind.FromString, _plain
        )
