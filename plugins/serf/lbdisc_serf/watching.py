"""Hearing at once that a tag is gone: from the log of the local agent, in a thread."""

from collections.abc import Callable
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

from lbdisc_serf.rpc import Record, SerfClient
from lbdisc_serf.wire import RpcError

SLICE = 0.1  # seconds between two looks at whether it is over


class Watch:
    """Sets ``lost`` when the agent is away or its member's tag is not as ``wanted``.

    ``wanted`` is changed under ``lock``, together with the tag, so that no change of our own is
    taken for another's; ``None``: nothing is wanted. After ``failure`` nothing is watched any more.
    """

    def __init__(
        self, connect: Callable[[Callable[[], bool]], SerfClient], tag: str, lost: Event
    ) -> None:
        self.lock = Lock()
        self.wanted: str | None = None
        self.failure: RpcError | None = None
        self._connect = connect
        self._tag = tag
        self._lost = lost
        self._over = Event()
        self._thread = Thread(target=self._run, name="serf-watch", daemon=True)

    def _run(self) -> None:
        try:
            with self._connect(self._over.is_set) as client:
                name, stream = client.name, client.monitor("INFO")
                update = f"serf: EventMemberUpdate: {name}".encode()
                while not self._over.is_set():
                    records = client.read(stream, SLICE)
                    if any(_tells(record, update) for record in records):
                        self._look(client, name)
        except RpcError as error:
            self.failure = error
            self._lost.set()

    def _look(self, client: SerfClient, name: str) -> None:
        with self.lock:
            member = client.member(name)
            found = None if member is None else member.tags.get(self._tag)
            if self.wanted is not None and found != self.wanted:
                self._lost.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join(1.0)


def _tells(record: Record, update: bytes) -> bool:
    line = record.get(b"Log")
    return isinstance(line, bytes) and line.rstrip().endswith(update)
