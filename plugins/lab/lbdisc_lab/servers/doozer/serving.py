"""Requests in, answers out: the protocol over TCP, and the waits that are not over."""

import asyncio
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from lbdisc_doozer.messages import DIRECTORY, MISSING, Err, Flag, Malformed, Request, Response, Verb
from lbdisc_lab.servers.doozer.store import FileEvent, FileStore, RequestRefused, glob

_HEAD = struct.Struct(">I")
_MOST = 64 * 1024 * 1024  # bytes of a request
_DENIED = "permission denied"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Empty: everybody may."""

    write: str = ""
    read: str = ""


@dataclass(slots=True)
class _Wait:
    wanted: re.Pattern[str]
    revision: int
    client: "Client"
    tag: int | None

    def over(self, event: FileEvent) -> bool:
        """Whether ``event`` answers it."""
        if event.revision < self.revision or not self.wanted.fullmatch(event.path):
            return False
        flag = 0 if event.path == "/" else Flag.DEL if event.value is None else Flag.SET
        self.client.answer(
            self.tag,
            Response(rev=event.revision, path=event.path, value=event.value or b"", flags=flag),
        )
        return True


class DoozerService:
    """What all connections share."""

    def __init__(self, secrets: Secrets, journal: Callable[[FileEvent], None]) -> None:
        self.store = FileStore(self._tell)
        self.secrets = secrets
        self.waits: list[_Wait] = []
        self._journal = journal
        self._standing = False
        self._held: list[Callable[[], object]] = []

    def _tell(self, event: FileEvent) -> None:
        self._journal(event)
        self.waits = [wait for wait in self.waits if not wait.over(event)]

    def write(self, work: Callable[[], object]) -> None:
        """Do it now, or when the majority is back."""
        if self._standing:
            self._held.append(work)
        else:
            work()

    def stand_still(self) -> None:
        """As a server whose cluster lost its majority: reads go on, nothing is written."""
        self._standing = True

    def go_on(self) -> None:
        self._standing, held, self._held = False, self._held, []
        for work in held:
            work()


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, service: DoozerService) -> None:
        self._service = service
        self._store = service.store
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._may_write = self._may_read = False
        self._grant("")

    def _grant(self, secret: str) -> bool:
        secrets = self._service.secrets
        self._may_write |= secret == secrets.write
        self._may_read |= secret in (secrets.write, secrets.read)
        return secret in (secrets.write, secrets.read)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._service.waits = [wait for wait in self._service.waits if wait.client is not self]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= _HEAD.size:
            size = _HEAD.unpack_from(self._buffer)[0]
            if size > _MOST:
                self._close()
                return
            if len(self._buffer) < _HEAD.size + size:
                return
            message = bytes(self._buffer[_HEAD.size : _HEAD.size + size])
            del self._buffer[: _HEAD.size + size]
            try:
                self._take(*Request.decode(message))
            except Malformed:
                self._close()
                return

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def answer(self, tag: int | None, response: Response) -> None:
        if self._transport is not None:
            message = response.encode(tag)
            self._transport.write(_HEAD.pack(len(message)) + message)

    def _take(self, tag: int | None, request: Request) -> None:
        if request.verb in (Verb.SET, Verb.DEL, Verb.NOP):
            self._service.write(lambda: self._respond(tag, request))
        else:
            self._respond(tag, request)

    def _respond(self, tag: int | None, request: Request) -> None:
        try:
            response = self._response(tag, request)
        except RequestRefused as refused:
            response = Response(error=refused.error, detail=refused.detail)
        if response is not None:
            self.answer(tag, response)

    def _response(self, tag: int | None, request: Request) -> Response | None:
        """``None`` for a wait, which is answered later."""
        store, path, rev = self._store, request.path or "", request.rev
        match request.verb:
            case Verb.REV:
                return Response(rev=store.revision)
            case Verb.SELF:
                return Response(value=b"LBDISC")
            case Verb.ACCESS:
                if not self._grant((request.value or b"").decode("utf-8", "replace")):
                    raise RequestRefused(Err.OTHER, _DENIED)
                return Response()
            case Verb.SET | Verb.DEL | Verb.NOP:
                return self._written(request)
        if request.verb not in [*Verb]:
            raise RequestRefused(Err.UNKNOWN_VERB)
        if not self._may_read:
            raise RequestRefused(Err.OTHER, _DENIED)
        if request.path is None or not self._complete(request):
            raise RequestRefused(Err.MISSING_ARG)
        match request.verb:
            case Verb.GET:
                value, found = store.get(path, rev)
                if found == DIRECTORY:
                    raise RequestRefused(Err.ISDIR)
                return Response(rev=found, value=value or b"")
            case Verb.STAT:
                return self._stat(path, rev)
            case Verb.GETDIR:
                return Response(path=_at(store.names(path, rev), request.offset))
            case Verb.WALK:
                match_ = _at(store.matching(path, rev), request.offset)
                value, found = store.get(match_, rev)
                return Response(path=match_, value=value or b"", rev=found, flags=Flag.SET)
        self._wait(tag, path, rev or 0)
        return None

    @staticmethod
    def _complete(request: Request) -> bool:
        if request.verb in (Verb.GETDIR, Verb.WALK):
            return request.offset is not None
        return request.verb != Verb.WAIT or request.rev is not None

    def _written(self, request: Request) -> Response:
        if not self._may_write:
            raise RequestRefused(Err.OTHER, _DENIED)
        if request.verb == Verb.NOP:
            self._store.nop()
            return Response()
        if request.path is None or request.rev is None:
            raise RequestRefused(Err.MISSING_ARG)
        if request.verb == Verb.SET:
            return Response(rev=self._store.set(request.path, request.value or b"", request.rev))
        self._store.delete(request.path, request.rev)
        return Response()

    def _stat(self, path: str, rev: int | None) -> Response:
        value, found = self._store.get(path, rev)
        if found == DIRECTORY:
            return Response(rev=DIRECTORY, len=len(self._store.names(path, rev)))
        return Response(rev=found, len=0 if found == MISSING else len(value or b""))

    def _wait(self, tag: int | None, pattern: str, revision: int) -> None:
        wait = _Wait(glob(pattern), revision, self, tag)
        if not any(wait.over(event) for event in self._store.since(revision)):
            self._service.waits.append(wait)


def _at(found: list[str], offset: int | None) -> str:
    if offset is None or not 0 <= offset < len(found):
        raise RequestRefused(Err.RANGE)
    return found[offset]
