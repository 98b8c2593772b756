"""Asking ZooKeeper and waiting for the answer: never past ``stop``, never for ever."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from threading import Event
from types import TracebackType
from typing import Any, Self, TypeVar

import structlog

from lbdisc.errors import SettingsError
from lbdisc.raw import Oversized, Raw
from lbdisc_zookeeper.connection import Answer, Connection
from lbdisc_zookeeper.failures import SETTINGS, Right, cause, translated
from lbdisc_zookeeper.frames import LARGEST
from lbdisc_zookeeper.settings import ZooKeeperSettings
from lbdisc_zookeeper.signals import (
    Content,
    Failure,
    Gone,
    Identity,
    Interrupted,
    Locked,
    Overlarge,
    Signal,
    Stopped,
)

WINDOW = 500  # requests on their way at once
SLICE = 0.1  # seconds between two looks at ``stop``
_BREATH = 0.01  # seconds before a request that failed is repeated
T = TypeVar("T")
_log = structlog.get_logger("lbdisc.zookeeper")


def warn_of_plain_passwords(settings: ZooKeeperSettings) -> None:
    """ZooKeeper's digest scheme sends the password as it is."""
    if settings.digest_user and not settings.speaks_tls:
        _log.warning("zookeeper.digest_password is sent in plain text; see zookeeper.tls")
    if settings.verify == "none" and settings.speaks_tls:
        _log.warning("zookeeper.verify is none: whoever is on the way can be the server")


class ZooKeeperClient:
    """A session that lives for a ``with`` block.

    Entering raises ``failure`` when no connection comes about in time. Requests raise ``Gone``,
    ``Taken``, ``Interrupted``, ``Stopped`` once ``stop`` is set, ``SettingsError`` for what only
    other settings mend, and ``failure`` for the rest. ``tell`` hears of every signal; see
    ``Connection``. Leaving ends the session, unless ``keep_session`` was set or ``failure`` raised:
    then it lives for its time-out, and the next client may resume it.
    """

    def __init__(
        self,
        settings: ZooKeeperSettings,
        *,
        stop: Event,
        failure: Failure,
        tell: Callable[[Signal], None],
        resume: Identity | None = None,
    ) -> None:
        self.keep_session = False
        self._settings = settings
        self._stop = stop
        self._failure = failure
        self._connection = Connection(settings, tell=tell, resume=resume)

    def __enter__(self) -> Self:
        try:
            self._connection.start()
            self._until_connected()
            self._first_request()
        except BaseException as error:
            self._close_after(error)
            raise
        return self

    def _first_request(self) -> None:
        try:
            self.require_chroot()
        except Interrupted as error:
            raise self._failure(
                f"the connection to ZooKeeper broke at once: {self._connection.why(self._stop)}"
            ) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close_after(error)

    def _close_after(self, error: BaseException | None) -> None:
        keep = self.keep_session or isinstance(error, self._failure)
        self._connection.close(keep_session=keep)

    def _until_connected(self) -> None:
        until = time.monotonic() + self._settings.connect_timeout
        while not self._connection.wait(SLICE):
            self._give_up_if_hopeless()
            if time.monotonic() > until:
                raise self._failure(
                    f"no connection to ZooKeeper: {self._connection.why(self._stop)}"
                )
            if self._stop.is_set():
                raise Stopped

    def require_chroot(self) -> None:
        """Raise ``failure`` if the chroot does not exist."""
        if self._settings.chroot and self._now(self._connection.exists(""), "/") is None:
            raise self._failure(
                f"{self._settings.chroot} does not exist in ZooKeeper: create it, "
                "or see zookeeper.chroot"
            )

    def check(self) -> None:
        """Raise if the session cannot come back by itself, or is silent for its whole time-out."""
        self._give_up_if_hopeless()
        self._connection.look()
        since = self._connection.broken_since
        if since is not None and time.monotonic() - since > self._settings.session_timeout:
            raise self._failure(
                f"the connection to ZooKeeper is lost: {self._connection.why(self._stop)}"
            )

    def _give_up_if_hopeless(self) -> None:
        if self._connection.crash is not None:
            raise self._failure(f"kazoo gave up: {self._connection.crash!r}")
        if self._connection.refused:
            if self._connection.broke_in_sasl:
                raise self._failure(
                    "the connection to ZooKeeper broke during SASL: a server that ended, or a "
                    "wrong password (see zookeeper.sasl_user, sasl_password)"
                )
            raise SettingsError(SETTINGS["AuthFailedError"])

    @property
    def connected(self) -> bool:
        return self._connection.connected

    @property
    def revision(self) -> str:
        """The transaction that the last answer has seen, as ZooKeeper writes it."""
        return f"{self._connection.zxid:#x}"

    @property
    def identity(self) -> Identity | None:
        return self._connection.identity

    def persist(self, work: Callable[[], T]) -> T:
        """What ``work`` returns; called again after ``Interrupted``, for a session's time-out."""
        until = time.monotonic() + self._settings.session_timeout
        while True:
            self.check()
            if self._connection.wait(SLICE):
                try:
                    return work()
                except Interrupted as error:
                    if time.monotonic() > until:
                        raise self._failure(f"ZooKeeper does not serve: {error}") from error
            if self._stop.wait(_BREATH):
                raise Stopped

    def sync(self) -> None:
        """From here on reads show at least what the leader knew at the call."""
        self._now(self._connection.sync(), "/")

    def exists(self, path: str) -> bool:
        """Whether ``path`` exists; a signal tells when that changes."""
        return self._now(self._connection.exists(path), path) is not None

    def children(self, path: str) -> list[str]:
        found: list[str] = self._now(self._connection.children(path), path)
        return found

    def all_children(
        self, paths: Iterable[str]
    ) -> Iterator[tuple[str, list[str] | Overlarge | Locked | None]]:
        """The names below each path, ``None`` where it is gone."""
        return self._pipelined(self._connection.children, paths)

    def all_records(self, paths: Iterable[str]) -> Iterator[tuple[str, Raw | Locked | None]]:
        """What each node holds, ``None`` where it is gone."""
        for path, found in self._pipelined(self._connection.read, paths):
            if isinstance(found, Overlarge):
                yield path, Oversized(LARGEST)
            elif isinstance(found, Locked):
                yield path, found
            else:
                yield path, found and found[0]

    def all_sizes(self, paths: Iterable[str]) -> Iterator[tuple[str, int | None]]:
        """How many bytes each node holds, ``None`` where it is gone."""
        for path, status in self._pipelined(self._connection.exists, paths):
            yield path, status and status.dataLength

    def read(self, path: str) -> Content | None:
        try:
            record, status = self._now(self._connection.read(path), path)
        except Gone:
            return None
        return Content(record, status.ephemeralOwner, status.version, status.mtime / 1000)

    def create(self, path: str, record: bytes) -> None:
        """Create ``path``, to live as long as this session, and the nodes above it."""
        try:
            self._now(self._connection.create(path, record), path, "create")
        except Gone:
            parent = path.rpartition("/")[0]
            self._now(self._connection.make_parents(parent), parent, "create")
            self._now(self._connection.create(path, record), path, "create")

    def write(self, path: str, record: bytes, *, version: int) -> None:
        """Change ``path`` if it is at ``version``; ``replace`` and ``remove`` likewise."""
        self._now(self._connection.write(path, record, version=version), path, "write")

    def replace(self, path: str, record: bytes, *, version: int) -> None:
        """Let ``path`` belong to this session instead of an earlier one, in one step."""
        results = self._now(self._connection.replace(path, record, version=version), path)
        if (error := cause(results)) is not None:
            raise translated(error, path=path, failure=self._failure, right="delete") from error

    def rehearse(self, path: str) -> None:
        """Raise what making and removing ``path`` would raise; ``Gone``: its parent is not there.

        Nothing is written.
        """
        results = self._now(self._connection.rehearse(path), path)
        error = cause(results)
        if error is None or error is results[-1]:
            return  # the check of what was just deleted: all before it was allowed
        right: Right = "create" if error is results[0] else "delete"
        raise translated(error, path=path, failure=self._failure, right=right) from error

    def remove(self, path: str, *, version: int) -> None:
        self._now(self._connection.remove(path, version=version), path, "delete")

    def _pipelined(
        self, ask: Callable[[str], Answer], paths: Iterable[str]
    ) -> Iterator[tuple[str, Any]]:
        """Half a window is on its way while the other half is taken in.

        Answers come in the order of their requests, so waiting for the last of a half first wakes
        this thread once and not for each.
        """
        earlier: list[tuple[str, Answer]] = []
        queue = iter(paths)
        while batch := [(path, ask(path)) for path in islice(queue, WINDOW // 2)]:
            yield from self._taken_in(earlier)
            earlier = batch
        yield from self._taken_in(earlier)

    def _taken_in(self, batch: list[tuple[str, Answer]]) -> Iterator[tuple[str, Any]]:
        if batch:
            self._wait(batch[-1][1])
        for path, answer in batch:
            try:
                yield path, self._now(answer, path)
            except Gone:
                yield path, None
            except (Overlarge, Locked) as error:
                yield path, error

    def _wait(self, answer: Answer) -> None:
        until = time.monotonic() + self._settings.session_timeout
        while not answer.ready() and not answer.wait(SLICE):
            if self._stop.is_set():
                raise Stopped
            self._give_up_if_hopeless()
            if time.monotonic() > until:
                raise Interrupted("no answer")

    def _now(self, answer: Answer, path: str, right: Right = "read") -> Any:
        self._wait(answer)
        try:
            return answer.get_nowait()
        except Exception as error:  # whatever kazoo raises becomes one of ours
            self._give_up_if_hopeless()
            raise translated(error, path=path, failure=self._failure, right=right) from error
