"""A connection to ZooKeeper: the one module that touches kazoo, everything past it is our types.

kazoo's callbacks only hand on signals. Each read leaves its watch behind; kazoo forgets all watches
when a connection breaks.
"""

import importlib.util
import logging
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from ssl import SSLContext
from threading import Event, Thread, Timer
from typing import Any, Protocol

import structlog
from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from kazoo.handlers.threading import SequentialThreadingHandler
from kazoo.protocol.states import EventType, KazooState, KeeperState
from kazoo.security import CREATOR_ALL_ACL, OPEN_ACL_UNSAFE, READ_ACL_UNSAFE

from lbdisc.errors import SettingsError
from lbdisc_zookeeper import probing, sockets
from lbdisc_zookeeper.frames import Frames, ReadNode
from lbdisc_zookeeper.settings import ZooKeeperSettings, base_path, members, secret
from lbdisc_zookeeper.signals import Identity, Kind, Signal
from lbdisc_zookeeper.trust import Contexts

_POLITE = 0.3  # seconds for the ordered end of a session, before its connection is broken
_CLOSING = 0.8  # seconds until its threads are left alone; only a hanging name server needs that
_ASKING = 1.0  # seconds until no further silent member is asked
_SLOWEST = 1.0  # seconds between two attempts to connect, at most
_KINDS: dict[str, Kind] = {
    EventType.CREATED: "created",
    EventType.CHANGED: "changed",
    EventType.DELETED: "deleted",
    EventType.CHILD: "children",
}
_log = structlog.get_logger("lbdisc.zookeeper")


class Answer(Protocol):
    """What a request will bring; ``get_nowait`` raises what the request failed with."""

    def ready(self) -> bool: ...
    def wait(self, timeout: float) -> bool: ...
    def get_nowait(self) -> Any: ...


class _Handler(SequentialThreadingHandler):  # type: ignore[misc]  # kazoo is untyped
    """kazoo's threads, with our connections: given up at once, and with a reason."""

    def __init__(self, contexts: Contexts, renew: Callable[[], None]) -> None:
        super().__init__()
        self._contexts = contexts
        self._renew = renew  # of what else a login needs
        contexts.current()  # raises while it is nobody else's thread
        self.reasons: dict[str, str] = {}
        self._silent: dict[str, tuple[str, tuple[str, int]]] = {}  # that took connections
        self.crash: Exception | None = None
        self._given_up = Event()
        self._current: socket.socket | None = None

    def create_connection(
        self, address: tuple[str, int], hostname: str = "", timeout: float = 10.0, **_: object
    ) -> socket.socket:
        host = hostname or address[0]
        member = f"{host}:{address[1]}"
        self._silent.pop(member, None)
        self.reasons.setdefault(member, "no answer (see zookeeper.hosts)")
        self._renew()
        context = self._contexts.current()
        try:
            self._current = sockets.connect(
                address, host=host, timeout=timeout, context=context, given_up=self._given_up
            )
        except OSError as error:
            self.reasons[member] = self._contexts.explained(error)
            raise
        self.reasons[member] = "it took the connection, and has not answered"
        self._silent[member] = host, address
        return self._current

    def forget_reasons(self) -> None:
        self.reasons.clear()
        self._silent.clear()

    def ask_the_silent(self, stop: Event) -> None:
        """Find reasons for those that took a connection and did not answer; takes a second."""
        silent, until = [*self._silent.items()], time.monotonic() + _ASKING
        for member, (host, address) in silent:
            if time.monotonic() > until or stop.is_set():
                return

            def connect(
                context: SSLContext | None, host: str = host, address: tuple[str, int] = address
            ) -> socket.socket:
                return sockets.connect(
                    address,
                    host=host,
                    timeout=probing.CONNECTING,
                    context=context,
                    given_up=stop,
                )

            context = self._contexts.current()
            self.reasons[member] = probing.cause(connect, context, self._contexts.explained)

    def select(
        self, readers: list[Any], writers: list[Any], _: object, timeout: float | None = None
    ) -> tuple[list[Any], list[Any], list[Any]]:
        return (*sockets.wait(readers, writers, timeout), [])

    def dispatch_callback(self, callback: Any) -> None:
        """Run a watch's callback at once, on the thread that reads the connection.

        So a signal is told before the answer to any request that already saw its cause;
        through kazoo's queue of callbacks it might come after.
        """
        callback.func(*callback.args)

    def spawn(self, work: Callable[..., object], *args: object, **kwargs: object) -> Thread:
        def guarded() -> None:
            try:
                work(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - a thread of kazoo; its user is told
                self.crash = error

        thread = Thread(target=guarded, name="lbdisc-zookeeper", daemon=True)
        thread.start()
        return thread

    def give_up(self) -> None:
        """Break the connection, and every attempt at one."""
        self._given_up.set()
        if self._current is not None:
            with suppress(OSError):
                self._current.shutdown(socket.SHUT_RDWR)


class _Heard(logging.Handler):
    """Keeps kazoo's last warning; its debug lines, which hold passwords, are never made."""

    def __init__(self) -> None:
        super().__init__()
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = (record.getMessage().splitlines() or [""])[0]
        _log.debug("kazoo", says=self.last)


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
        self._sasl = _sasl(settings)
        self._handler = _Handler(self._contexts, self._renew)
        self._heard = _Heard()
        logger = logging.Logger("kazoo", logging.WARNING)  # nobody else's: no parent, no levels
        logger.addHandler(self._heard)
        self._node_acl, self._parent_acl = _acls(settings)
        self._kazoo: Any = KazooClient(
            hosts=",".join(members(settings)) + base_path(settings.chroot, what="zookeeper.chroot"),
            timeout=settings.session_timeout,
            client_id=resume,
            handler=self._handler,
            sasl_options=self._sasl,
            auth_data=_digest(settings),
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
            self._sasl |= _sasl(self._settings) or {}
        self._kazoo.auth_data = set(_digest(self._settings))

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


def _sasl(settings: ZooKeeperSettings) -> dict[str, str] | None:
    if not settings.sasl_user:
        return None
    if importlib.util.find_spec("puresasl") is None:
        raise SettingsError("zookeeper.sasl_user: SASL needs lbdisc-zookeeper[sasl], install that")
    password = secret(settings.sasl_password, what="zookeeper.sasl_password")
    return {"mechanism": "DIGEST-MD5", "username": settings.sasl_user, "password": password}


def _digest(settings: ZooKeeperSettings) -> list[tuple[str, str]]:
    if not settings.digest_user:
        return []
    password = secret(settings.digest_password, what="zookeeper.digest_password")
    return [("digest", f"{settings.digest_user}:{password}")]


def _acls(settings: ZooKeeperSettings) -> tuple[list[Any], list[Any]]:
    """The ACLs of registrations and of the nodes above them."""
    if settings.access == "open":
        return OPEN_ACL_UNSAFE, OPEN_ACL_UNSAFE
    if settings.access == "private":
        return CREATOR_ALL_ACL, CREATOR_ALL_ACL
    return CREATOR_ALL_ACL + READ_ACL_UNSAFE, CREATOR_ALL_ACL + READ_ACL_UNSAFE
