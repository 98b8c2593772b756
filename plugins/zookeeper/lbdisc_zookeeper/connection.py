"""A connection to ZooKeeper, with kazoo: everything past it is our types.

kazoo's callbacks only hand on signals. Each read leaves its watch behind; kazoo forgets all watches
when a connection breaks.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread, Timer
from typing import Any, Protocol

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from kazoo.protocol.states import EventType, KazooState, KeeperState

from lbdisc_zookeeper.credentials import acls, digest, sasl
from lbdisc_zookeeper.frames import Frames, ReadNode
from lbdisc_zookeeper.handler import Handler, Heard
from lbdisc_zookeeper.settings import ZooKeeperSettings, base_path, members
from lbdisc_zookeeper.signals import Identity, Kind, Signal
from lbdisc_zookeeper.trust import Contexts

_POLITE = 0.3  # seconds for the ordered end of a session, before its connection is broken
_CLOSING = 0.8  # seconds until its threads are left alone; only a hanging name server needs that
_SLOWEST = 1.0  # seconds between two attempts to connect, at most
_KINDS: dict[str, Kind] = {
    EventType.CREATED: "created",
    EventType.CHANGED: "changed",
    EventType.DELETED: "deleted",
    EventType.CHILD: "children",
}


class Answer(Protocol):
    """What a request will bring; ``get_nowait`` raises what the request failed with."""

    def ready(self) -> bool: ...
    def wait(self, timeout: float) -> bool: ...
    def get_nowait(self) -> Any: ...


class Connection:
    """Requests to ZooKeeper and the signals of its watches. Raises ``SettingsError`` when made.

    ``tell`` is called on the thread that reads the connection, in the order of the connection: a
    signal comes before the answer to any request that already saw its cause.
    """

    def __init__(
        self,
        settings: ZooKeeperSettings,
        *,
        tell: Callable[[Signal], None],
        resume: Identity | None = None,
    ) -> None:
        self._tell = tell
        self._live = Event()  # kazoo's, once it has begun
        self.refused = False
        self.broken_since: float | None = time.monotonic()
        self._settings = settings
        self._contexts = Contexts(settings)
        self._sasl = sasl(settings)
        self._handler = Handler(self._contexts, self._renew)
        self._heard = Heard()
        logger = logging.Logger("kazoo", logging.WARNING)  # nobody else's: no parent, no levels
        logger.addHandler(self._heard)
        self._node_acl, self._parent_acl = acls(settings)
        self._kazoo: Any = KazooClient(
            hosts=",".join(members(settings)) + base_path(settings.chroot, what="zookeeper.chroot"),
            timeout=settings.session_timeout,
            client_id=resume,
            handler=self._handler,
            sasl_options=self._sasl,
            auth_data=digest(settings),
            connection_retry=_pace(settings),
            logger=logger,
        )
        self._kazoo._connection = Frames(
            self._kazoo,
            self._kazoo._conn_retry.copy(),
            logger=logger,
            sasl_options=self._kazoo._connection.sasl_options,
        )
        self._kazoo.add_listener(self._on_state)

    def _renew(self) -> None:
        """Passwords as their files have them now, for a connection that kazoo makes anew."""
        if self._sasl is not None:
            self._sasl |= sasl(self._settings) or {}
        self._kazoo.auth_data = set(digest(self._settings))

    def look(self) -> None:
        """Tell of certificates that can be used no more."""
        if self._contexts.files is not None:
            self._contexts.files.look()

    def start(self) -> None:
        """Begin to connect."""
        self._live = self._kazoo.start_async()

    def wait(self, timeout: float) -> bool:
        """Whether there is a connection, now or within ``timeout`` seconds."""
        return self._live.wait(timeout)

    @property
    def connected(self) -> bool:
        return bool(self._kazoo.connected)

    @property
    def zxid(self) -> int:
        """The newest transaction that an answer has told of."""
        return int(self._kazoo.last_zxid)

    @property
    def identity(self) -> Identity | None:
        """The session's number and password: whoever knows both may resume it."""
        found: Identity | None = self._kazoo.client_id
        return found

    @property
    def time_out(self) -> float:
        """Seconds after which the server ends a silent session; what was asked for before that."""
        return float(self._kazoo._connection.time_out or self._settings.session_timeout)

    @property
    def crash(self) -> Exception | None:
        """What ended kazoo's thread."""
        return self._handler.crash

    def why(self, stop: Event) -> str:
        """Why there is no connection, member by member; asks those that did not tell."""
        self._handler.ask_the_silent(stop)
        reasons = [f"{member}: {reason}" for member, reason in self._handler.reasons.items()]
        heard = self._heard.last or "no answer"
        return "; ".join(reasons) or f"{heard} (see zookeeper.hosts)"

    def _on_state(self, state: str) -> None:
        if state == KazooState.CONNECTED:
            self.broken_since = None
            self._handler.forget_reasons()
            self._tell(Signal("connected"))
            return
        if self.broken_since is None:
            self.broken_since = time.monotonic()
        # kazoo also takes a connection that broke during SASL for a refusal; it says so only here.
        if self._kazoo.client_state == KeeperState.AUTH_FAILED:
            self.refused = True
        self._tell(Signal("broken"))

    def _on_watch(self, event: Any) -> None:
        if event.type in _KINDS:
            self._tell(Signal(_KINDS[event.type], event.path))

    @property
    def broke_in_sasl(self) -> bool:
        """Whether the refusal may be a connection that broke: kazoo takes one for the other."""
        return "dropped" in self._heard.last

    def children(self, path: str) -> Answer:
        return self._answer(self._kazoo.get_children_async(path or "/", watch=self._on_watch))

    def read(self, path: str) -> Answer:
        found = self._handler.async_result()
        whole = self._kazoo.chroot + path
        self._kazoo._call(ReadNode(whole, self._on_watch), found)
        return self._answer(found)

    def exists(self, path: str) -> Answer:
        return self._answer(self._kazoo.exists_async(path or "/", watch=self._on_watch))

    def sync(self) -> Answer:
        return self._answer(self._kazoo.sync_async("/"))

    def create(self, path: str, record: bytes) -> Answer:
        return self._answer(
            self._kazoo.create_async(path, record, acl=self._node_acl, ephemeral=True)
        )

    def make_parents(self, path: str) -> Answer:
        return self._answer(self._kazoo.ensure_path_async(path, acl=self._parent_acl))

    def write(self, path: str, record: bytes, *, version: int) -> Answer:
        return self._answer(self._kazoo.set_async(path, record, version))

    def remove(self, path: str, *, version: int) -> Answer:
        return self._answer(self._kazoo.delete_async(path, version))

    def replace(self, path: str, record: bytes, *, version: int) -> Answer:
        """Delete and create ``path`` in one step, for this session."""
        both = self._kazoo.transaction()
        both.delete(path, version)
        both.create(path, record, acl=self._node_acl, ephemeral=True)
        return self._answer(both.commit_async())

    def rehearse(self, path: str) -> Answer:
        """Create and delete ``path`` in a step that fails at its end, so that nothing is done."""
        tried = self._kazoo.transaction()
        tried.create(path, b"", acl=self._node_acl, ephemeral=True)
        tried.delete(path)
        tried.check(path, 0)
        return self._answer(tried.commit_async())

    @staticmethod
    def _answer(found: Any) -> Answer:
        answer: Answer = found
        return answer

    def close(self, *, keep_session: bool = False) -> None:
        """End the session, or only the connection; within a second, whatever the servers do."""
        if keep_session:
            self._handler.give_up()
        closing = Thread(target=self._close, name="lbdisc-zookeeper-close", daemon=True)
        closing.start()
        closing.join(_CLOSING)

    def _close(self) -> None:
        rescue = Timer(_POLITE, self._handler.give_up)
        rescue.start()
        with suppress(KazooException, OSError):
            self._kazoo.stop()
        rescue.cancel()
        rescue.join()
        with suppress(Exception):
            self._kazoo.close()


def _pace(settings: ZooKeeperSettings) -> dict[str, float]:
    """How attempts to connect follow each other: several in the time that a session has left."""
    slowest = min(_SLOWEST, settings.session_timeout / 8)
    return {"max_tries": -1, "delay": 0.05, "backoff": 2, "max_delay": slowest, "max_jitter": 0.4}
