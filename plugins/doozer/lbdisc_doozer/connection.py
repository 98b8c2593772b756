"""One connection to one server: any number of requests at once, told apart by their tags.

A thread of its own connects and reads, so that whoever asks can be stopped at any moment. What
fails once is closed, never mended.
"""

import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from io import BufferedReader
from itertools import islice
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from lbdisc.records import MAX_RECORD
from lbdisc.secret_files import current
from lbdisc_doozer.failures import DoozerDenied, DoozerFailure, ServerAway, failure_of
from lbdisc_doozer.messages import Malformed, Request, Response, Verb
from lbdisc_doozer.settings import DoozerSettings, ServerPlace

KEPT = 2 * MAX_RECORD  # bytes of a message that are looked at: a record and what is around it
MOST = 64 * 1024 * 1024  # bytes; "HTTP" at the start of an answer would be 1.2 GB
AT_ONCE = 64  # requests that wait for their answers
PARTING = 0.5  # seconds that the thread is waited for
_HEAD = struct.Struct(">I")
_NO_DOOZER = "it answers what was not asked: no doozer, or a broken one"
_SILENT = "no answer in time: it is frozen, overloaded, or no doozer"

Answer = Response | DoozerFailure
Then = Callable[[Answer], None]


class DoozerConnection:
    """Connects, and shows the secret if there is one. All requests raise a ``DoozerFailure``.

    ``close`` may come from any thread, and ends every request in progress.
    """

    def __init__(self, place: ServerPlace, settings: DoozerSettings, *, timeout: float) -> None:
        self.place = place
        self.timeout = timeout
        self._secret = settings.secret
        self._lock = threading.Lock()
        self._sending = threading.Lock()  # a message is of one piece
        self._socket: socket.socket | None = None
        self._asked: dict[int, Then] = {}
        self._tag = 0
        self._failure: DoozerFailure | None = None
        self._up = threading.Event()  # connected, or failed
        self._thread = threading.Thread(target=self._run, name="lbdisc-doozer", daemon=True)
        self._thread.start()

    def begin(self) -> None:
        """Wait until it is connected and let in."""
        if not self._up.wait(self.timeout):
            self.close(ServerAway("no connection in time"))
        if self._failure is not None:
            raise self._failure
        if self._secret is not None:
            try:
                self.ask(Request(Verb.ACCESS, value=current(self._secret).encode()))
            except DoozerDenied as error:
                raise DoozerDenied("it refuses doozer.secret") from error

    def ask(self, request: Request) -> Response:
        """The answer to ``request``."""
        answers = SimpleQueue[Answer]()
        self.send(request, answers.put)
        return self._answer(answers)

    def ask_all(self, requests: Iterable[Request]) -> Iterator[Answer]:
        """The answers to ``requests``, in their order, many of them asked at once.

        What a server refuses is a ``DoozerFailure`` in its place; one of the connection is raised.
        """
        waiting: list[SimpleQueue[Answer]] = []
        todo = iter(requests)
        while True:
            for request in islice(todo, AT_ONCE - len(waiting)):
                waiting.append(SimpleQueue())
                self.send(request, waiting[-1].put)
            if not waiting:
                return
            try:
                yield self._answer(waiting.pop(0))
            except DoozerFailure as failure:
                if self._failure is not None:
                    raise
                yield failure

    def send(self, request: Request, then: Then) -> None:
        """Ask, and have ``then`` called with the answer, by another thread, once for sure."""
        with self._lock:
            failure, connection = self._failure, self._socket
            if failure is None and connection is not None:
                self._tag = self._tag % 0x7FFFFFFF + 1
                tag = self._tag
                self._asked[tag] = then
        if failure is not None or connection is None:
            then(failure or ServerAway("not connected"))
            return
        message = request.encode(tag)
        try:
            with self._sending:
                connection.sendall(_HEAD.pack(len(message)) + message)
        except OSError as error:
            self.close(ServerAway(_words(error)))

    def _answer(self, answers: "SimpleQueue[Answer]") -> Response:
        try:
            answer = answers.get(timeout=self.timeout)
        except Empty:
            self.close(ServerAway(_SILENT))
            answer = answers.get()
        if isinstance(answer, DoozerFailure):
            raise answer
        return answer

    def _run(self) -> None:
        try:
            connection = socket.create_connection(
                (self.place.host, self.place.port), timeout=self.timeout
            )
        except OSError as error:
            self.close(ServerAway(_words(error)))
            return
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A peer that takes nothing stops no one for ever.
        sent_within = struct.pack("ll", int(self.timeout), int(self.timeout % 1 * 1e6))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, sent_within)
        with connection:
            with self._lock:
                closed = self._failure is not None
                self._socket = None if closed else connection
            if not closed:
                self._up.set()
                self._read(connection)

    def _read(self, connection: socket.socket) -> None:
        try:
            with connection.makefile("rb") as stream:
                while (head := stream.read(_HEAD.size)) and len(head) == _HEAD.size:
                    size = _HEAD.unpack(head)[0]
                    if size > MOST:
                        raise Malformed("a message of more than can be")
                    kept = stream.read(min(size, KEPT))
                    if not _passed_over(stream, size - len(kept)):
                        break
                    self._take(kept, cut=size > KEPT)
            self.close(ServerAway("it closed the connection"))
        except Malformed:
            self.close(ServerAway(_NO_DOOZER))
        except OSError as error:
            self.close(ServerAway(_words(error)))

    def _take(self, message: bytes, *, cut: bool) -> None:
        tag, response = Response.decode(message, cut=cut)
        with self._lock:
            then = self._asked.pop(tag, None)
        if then is None:
            raise Malformed("an answer that nobody asked for")
        then(failure_of(response) or response)

    def close(self, failure: DoozerFailure | None = None) -> None:
        """End it; everything that was asked ends with ``failure``, the first that was given."""
        with self._lock:
            if self._failure is None:
                self._failure = failure or ServerAway("closed")
            ended, connection = self._failure, self._socket
            asked, self._asked, self._socket = self._asked, {}, None
        if connection is not None:
            _shut(connection)
        for then in asked.values():
            then(ended)
        self._up.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        self._thread.join(PARTING)


def _passed_over(stream: BufferedReader, size: int) -> bool:
    """Whether ``size`` more bytes came."""
    while size and (passed := len(stream.read(min(size, KEPT)))):
        size -= passed
    return not size


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is so already


def _words(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).lower()
