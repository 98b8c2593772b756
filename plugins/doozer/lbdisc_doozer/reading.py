"""Everything below a path at one revision, and then every change after it."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue

from lbdisc.raw import Raw
from lbdisc_doozer.connection import Answer, DoozerConnection
from lbdisc_doozer.failures import DoozerFailure, NoSuchEntry, NotAFile, ServerAway
from lbdisc_doozer.messages import DIRECTORY, Flag, Request, Response, Verb

MOST_AHEAD = 32  # waits at once: while so many changes come in one way there and back, all flows


@dataclass(frozen=True, slots=True)
class FileChange:
    """What happened to a file; ``value`` is ``None`` for one that was deleted."""

    revision: int
    path: str
    value: Raw | None


def revision_of(connection: DoozerConnection) -> int:
    """The newest of the store."""
    found = connection.ask(Request(Verb.REV)).rev
    if found is None:
        raise ServerAway("no revision in its answer: no doozer")
    return found


def read_files(
    connection: DoozerConnection, root: str, revision: int, *, deep: int
) -> Iterator[tuple[str, Raw | None, int]]:
    """Path, value and revision of all that is below ``root``, as of ``revision``.

    ``deep`` levels; a directory below these has no value. Raises ``TooLate`` when the revision is
    forgotten meanwhile.
    """
    below = [f"{root}/{name}" for name in _names(connection, root, revision)]
    requests = (Request(Verb.GET, path=path, rev=revision) for path in below)
    for path, answer in zip(below, connection.ask_all(requests), strict=True):
        if isinstance(answer, NotAFile):
            if deep > 1:
                yield from read_files(connection, path, revision, deep=deep - 1)
            else:
                yield path, None, DIRECTORY
        elif isinstance(answer, DoozerFailure):
            raise answer
        elif answer.rev:
            yield path, answer.value, answer.rev


def _names(connection: DoozerConnection, folder: str, revision: int) -> list[str]:
    """What is in ``folder``: one request for each, as the protocol knows no other."""
    stat = connection.ask(Request(Verb.STAT, path=folder, rev=revision))
    if stat.rev != DIRECTORY:
        return []
    requests = (
        Request(Verb.GETDIR, path=folder, rev=revision, offset=place)
        for place in range(stat.len or 0)
    )
    names = []
    for answer in connection.ask_all(requests):
        if isinstance(answer, NoSuchEntry):
            break
        if isinstance(answer, DoozerFailure):
            raise answer
        if not answer.path or "/" in answer.path:
            raise ServerAway("no name in its answer: no doozer")
        names.append(answer.path)
    return names


class FileChanges:
    """Every change below ``root`` after ``revision``, in order, as the server tells of it.

    One wait is answered with one change, so several wait for consecutive revisions: as many as
    changes came of late, that a busy registry is followed at the pace of its writes.
    """

    def __init__(self, connection: DoozerConnection, root: str, revision: int) -> None:
        self._connection = connection
        self._glob = f"{root}/**"
        self._root = f"{root}/"
        self._last = self._asked_up_to = revision
        self._asked: deque[int] = deque()
        self._answers: dict[int, Response] = {}
        self._queue = SimpleQueue[tuple[int, Answer]]()
        self._ask(1)

    def take(self, patience: float) -> list[FileChange]:
        """What there is, after up to ``patience`` seconds; may be none.

        Raises a ``DoozerFailure``.
        """
        until = time.monotonic() + patience
        changes: list[FileChange] = []
        while not changes and self._collect(until - time.monotonic()):
            changes = list(self._in_order())
            self._ask(min(MOST_AHEAD, 1 + len(changes)))
        return changes

    def _collect(self, patience: float) -> bool:
        """Whether any answer came."""
        try:
            heard = [self._queue.get(timeout=max(0.0, patience))]
        except Empty:
            return False
        while not self._queue.empty():
            heard.append(self._queue.get())
        for asked, answer in heard:
            if isinstance(answer, DoozerFailure):
                raise answer
            self._answers[asked] = answer
        return True

    def _in_order(self) -> Iterator[FileChange]:
        while self._asked and self._asked[0] in self._answers:
            answer = self._answers.pop(self._asked.popleft())
            if answer.rev is None or answer.path is None:
                raise ServerAway("no change in its answer: no doozer")
            if answer.rev > self._last and answer.path.startswith(self._root):
                self._last = answer.rev
                value = None if answer.flags & Flag.DEL else answer.value
                yield FileChange(answer.rev, answer.path, value)

    def _ask(self, ahead: int) -> None:
        first = max(self._last, self._asked_up_to) + 1
        for revision in range(first, self._last + ahead + 1):
            self._asked.append(revision)
            self._asked_up_to = revision
            request = Request(Verb.WAIT, path=self._glob, rev=revision)
            self._connection.send(request, partial(self._hear, revision))

    def _hear(self, revision: int, answer: Answer) -> None:
        self._queue.put((revision, answer))
