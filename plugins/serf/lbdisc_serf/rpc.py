"""A client of Serf's RPC, protocol version 1: one connection, one caller at a time.

A request is a header ``{Command, Seq}`` and for most commands a body; the answer is a header
``{Seq, Error}`` and for some commands a body. Streams send header and body again and again under
the number of the request that began them. A reply that does not fit means that the two sides read
different objects: as after every error, the connection is then closed.
"""

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Self

from lbdisc.showing import one_line, plain
from lbdisc_serf.members import BadReply, Member, members, text, texts
from lbdisc_serf.settings import Address
from lbdisc_serf.wire import LONGEST, RpcError, RpcRefused, Wire, never

VERSION = 1
MOST_WAITING = 10_000  # records of a stream that nobody has read yet; the oldest are forgotten
_ASKS_FOR_KEY = ("Authentication required", "Invalid authentication token")
Record = Mapping[bytes, object]


class SerfClient:
    """Connects, shakes hands and shows ``key`` if there is one. Close it, or use it in ``with``.

    Every method raises ``RpcError``; ``RpcRefused`` when the key is wrong or missing. ``stopped``
    is asked ten times a second while waiting and ends the wait with ``RpcStopped``.
    """

    def __init__(
        self,
        address: Address,
        *,
        key: str = "",
        timeout: float = 3.0,
        stopped: Callable[[], bool] = never,
    ) -> None:
        self._sequence = 0
        self._streams: dict[int, deque[Record]] = {}
        self._wire = Wire(address, timeout=timeout, stopped=stopped)
        self._call("handshake", {"Version": VERSION})
        if key:
            self._call("auth", {"AuthKey": key})

    def checked(self) -> Self:
        """This client, after a command that needs the key: ``auth`` alone proves no access."""
        self.stats()
        return self

    def members(self) -> tuple[Member, ...]:
        """All members that the agent knows, by name."""
        return self._members("members", None)

    def members_filtered(
        self, *, tags: Mapping[str, str] | None = None, status: str = "", name: str = ""
    ) -> tuple[Member, ...]:
        """Members whose tags, status and name match; all are regular expressions of Go."""
        body = {"Tags": dict(tags or {}), "Status": status, "Name": name}
        return self._members("members-filtered", body)

    def _members(self, command: str, body: object) -> tuple[Member, ...]:
        reply = self._ask(command, body)
        try:
            return members(reply)
        except BadReply as error:
            raise self._wire.broken(f"a bad answer to {command}: {error}") from error

    def member(self, name: str) -> Member | None:
        """The member ``name``, if the agent knows it."""
        found = self.members_filtered(name=re.escape(name))
        return next((member for member in found if member.name == name), None)

    def tags(
        self,
        setting: Mapping[str, str | bytes],
        deleting: Iterable[str] = (),
        *,
        told: bool = True,
    ) -> None:
        """Set and delete tags of the local member; the others stay.

        The agent answers when it has told others several times over, some tenths of a second later.
        Without ``told`` that is not waited for, and nothing but ``close`` may follow.
        """
        self._send("tags", {"Tags": dict(setting), "DeleteTags": list(deleting)})
        if told:
            self._expect("tags", None)

    def join(self, addresses: Iterable[str], *, timeout: float | None = None) -> int:
        """Join members at ``HOST[:PORT]``; the number that was reached, else ``RpcError``."""
        body = {"Existing": list(addresses), "Replay": False}
        number = self._ask("join", body, timeout=timeout).get(b"Num")
        if not isinstance(number, int):
            raise self._wire.broken("a bad answer to join")
        return number

    def leave(self, *, timeout: float | None = None) -> None:
        """Make the agent leave the cluster and end."""
        self._call("leave", None, timeout=timeout)

    def stats(self) -> dict[str, dict[str, str]]:
        """What the agent says of itself, by group: ``agent``, ``serf``, ``runtime``, ``tags``."""
        reply = self._ask("stats", None)
        try:
            return {text(group): texts(values) for group, values in reply.items()}
        except BadReply as error:
            raise self._wire.broken(f"a bad answer to stats: {error}") from error

    @property
    def name(self) -> str:
        """The local member's name."""
        name = self.stats().get("agent", {}).get("name", "")
        if not name:
            raise self._wire.broken("a bad answer to stats: no name")
        return name

    def event(self, name: str, payload: bytes = b"", *, coalesce: bool = True) -> None:
        """Send a user event to all members."""
        self._call("event", {"Name": name, "Payload": payload, "Coalesce": coalesce})

    def monitor(self, level: str = "INFO") -> int:
        """Begin to stream the agent's log, ``{Log}``; the number to ``read`` and ``stop``."""
        return self._stream("monitor", {"LogLevel": level})

    def stream(self, kinds: str = "*") -> int:
        """Begin to stream events, ``{Event, …}``; they come coalesced, a second late."""
        return self._stream("stream", {"Type": kinds})

    def query(self, name: str, payload: bytes, *, tags: Mapping[str, str], timeout: float) -> int:
        """Ask all members whose tags match; the number to ``read`` the answers from.

        They are ``{Type: response, From, Payload}``; ``{Type: done}`` comes after ``timeout``. The
        next query forgets those that are done.
        """
        done = [number for number, queue in self._streams.items() if _is_done(queue)]
        for earlier in done:
            del self._streams[earlier]
        body = {"FilterTags": dict(tags), "Timeout": int(timeout * 1e9)}
        return self._stream("query", body | {"Name": name, "Payload": payload})

    def ping(self, names: Iterable[str], *, timeout: float) -> int:
        """Ask the members ``names`` for a sign of life; the number to ``read`` it from.

        Each that lives sends ``{Type: ack, From}``; ``{Type: done}`` comes after ``timeout``.
        """
        body = {"FilterNodes": list(names), "RequestAck": True, "Timeout": int(timeout * 1e9)}
        return self._stream("query", body | {"Name": "_serf_ping"})

    def respond(self, number: int, payload: bytes) -> None:
        """Answer the query with the ID ``number``, which a stream told of; it may be too late."""
        self._send("respond", {"ID": number, "Payload": payload})
        self._answer("respond", None)

    def _stream(self, command: str, body: object) -> int:
        number = self._sequence + 1
        self._streams[number] = deque(maxlen=MOST_WAITING)
        self._call(command, body)
        return number

    def stop(self, number: int) -> None:
        """End the stream ``number``."""
        self._call("stop", {"Stop": number})
        del self._streams[number]

    def read(self, number: int, timeout: float) -> list[Record]:
        """What the stream has sent, after waiting up to ``timeout`` seconds if nothing has."""
        queue = self._streams[number]
        self._take_waiting()
        if self._wire.pending(0.0 if queue else timeout):
            self._take_waiting()
        records = list(queue)
        queue.clear()
        return records

    def idle(self, timeout: float) -> None:
        """Wait up to ``timeout`` seconds without a request; raises if the agent goes away."""
        if self._wire.pending(timeout):
            raise self._wire.broken("an answer that nobody asked for")

    def _take_waiting(self) -> None:
        while (header := self._wire.waiting()) is not None:
            sequence, error = self._header(header)
            if error or sequence not in self._streams:
                raise self._wire.broken(
                    f"an answer that nobody asked for: {plain(error or str(sequence))}"
                )
            self._streams[sequence].append(self._table(self._wire.receive()))

    def _ask(self, command: str, body: object, *, timeout: float | None = None) -> Record:
        self._call(command, body, timeout=timeout)
        return self._table(self._wire.receive())

    def _call(self, command: str, body: object, *, timeout: float | None = None) -> None:
        self._send(command, body)
        self._expect(command, timeout)

    def _send(self, command: str, body: object) -> None:
        self._sequence += 1
        header = {"Command": command, "Seq": self._sequence}
        self._wire.send(header, *(() if body is None else (body,)))

    def _expect(self, command: str, timeout: float | None) -> None:
        if error := self._answer(command, timeout):
            self._refuse(command, error)

    def _answer(self, command: str, timeout: float | None) -> str:
        """The error in the answer to what was sent last; what streams send before is kept."""
        end = time.monotonic() + (self._wire.timeout if timeout is None else timeout)
        while True:
            sequence, error = self._header(self._wire.receive(end - time.monotonic()))
            if sequence == self._sequence:
                return error
            if error or sequence not in self._streams:
                raise self._wire.broken(f"an answer to {command} that does not fit")
            self._streams[sequence].append(self._table(self._wire.receive()))
            if time.monotonic() > end + LONGEST:
                raise self._wire.broken(f"it does not answer to {command}")

    def _refuse(self, command: str, error: str) -> None:
        self.close()
        reason = one_line(error)
        kind = RpcRefused if error in _ASKS_FOR_KEY else RpcError
        raise kind(f"the Serf agent at {self._wire.where} refused {command}: {reason}")

    def _header(self, value: object) -> tuple[int, str]:
        if isinstance(value, dict):
            sequence, error = value.get(b"Seq"), value.get(b"Error")
            if isinstance(sequence, int) and isinstance(error, bytes):
                return sequence, error.decode("utf-8", errors="backslashreplace")
        raise self._wire.broken("an answer without a header: it does not speak Serf's RPC")

    def _table(self, value: object) -> Record:
        if isinstance(value, dict):
            return value
        raise self._wire.broken("a bad answer: no table")

    def close(self) -> None:
        """Close cleanly; waits half a second at most for an agent that does not."""
        self._wire.part()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _is_done(queue: deque[Record]) -> bool:
    return bool(queue) and queue[-1].get(b"Type") == b"done"
