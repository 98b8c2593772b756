"""Making an endpoint known: an ephemeral node, held through lost connections and sessions."""

import json
import secrets
from collections.abc import Callable
from contextlib import suppress
from threading import Event

import structlog

from lbdisc import records
from lbdisc.errors import EntryError, RegistrarError, SettingsError
from lbdisc.values import Endpoint, shown
from lbdisc_zookeeper.client import SLICE, Client, warn_of_plain_passwords
from lbdisc_zookeeper.settings import ZooKeeperSettings, base_path
from lbdisc_zookeeper.signals import Gone, Held, Identity, Interrupted, Stopped, Taken

OWNER = "owner"  # the member of a record that tells whose it is; readers pass over it
_LEAVING = 0.3  # seconds that removing the node may take
_log = structlog.get_logger("lbdisc.zookeeper")


class ZooKeeperRegistrar:
    """The registrar ``zookeeper``. Raises ``SettingsError`` for a bad prefix or format."""

    def __init__(self, settings: ZooKeeperSettings) -> None:
        if settings.format != "lbdisc":
            raise SettingsError(
                f"zookeeper.format is {settings.format!r}: a registrar writes 'lbdisc' only"
            )
        self._settings = settings
        self._root = base_path(settings.prefix, what="zookeeper.prefix")
        warn_of_plain_passwords(settings)
        self._owner = secrets.token_hex(8)
        self._session: Identity | None = None

    def hold(self, endpoint: Callable[[], Endpoint], stop: Event) -> None:
        """Keep the endpoint registered until ``stop`` is set, then take it out at once.

        Raises ``RegistrarError`` when ZooKeeper is out of reach for a session's time-out; the next
        call resumes the session if it still lives, so that the node never vanishes meanwhile.
        """
        first = endpoint()
        path = f"{self._root}/{first.service}/{first.name}"
        settings, session = self._settings, self._session
        with (
            suppress(Stopped),
            Client(settings, stop=stop, failure=RegistrarError, resume=session) as client,
        ):
            holding = _Holding(client, path, self._owner, endpoint, first)
            with suppress(Stopped):
                while not stop.is_set():
                    holding.step()
                    self._session = client.identity or self._session
            holding.leave()
            self._session = None


class _Holding:
    """One node, in one session.

    The endpoint is only read again once ZooKeeper holds what was read before: that is how the core
    knows what is published.
    """

    def __init__(
        self,
        client: Client,
        path: str,
        owner: str,
        endpoint: Callable[[], Endpoint],
        first: Endpoint,
    ) -> None:
        self._client = client
        self._path = path
        self._owner = owner
        self._endpoint = endpoint
        self._wanted = first
        self._look = True  # whether the node may differ from what is known of it
        self._written: bytes | None = None  # what our node holds; None: it is not ours
        self._told = ""  # the last thing that was logged

    def step(self) -> None:
        """Bring the node closer to what it should be, or wait a moment for a reason to."""
        self._client.check()
        if self._client.connected:
            try:
                self._agree()
            except Interrupted:
                self._look = True
        if self._client.next_signals(0 if self._look and self._client.connected else SLICE):
            self._look = True

    def _agree(self) -> None:
        if self._look:
            self._look = False  # before the look: a signal that comes after it counts
            self._written = self._found(self._client.read(self._path))
        if self._written == self._record(self._wanted):
            self._wanted = self._endpoint()
        record = self._record(self._wanted)
        if self._written is not None and self._written != record:
            try:
                self._client.write(self._path, record)
                self._written = record
            except Gone:
                self._look = True

    def _found(self, node: Held | None) -> bytes | None:
        """What our node holds after a look at it, ``None`` if it is not ours yet."""
        if node is not None and node.session == self._session_number:
            self._tell("registered")
            return node.record
        if node is not None and _owner(node.record) != self._owner:
            self._warn("another registrar holds the name; waiting", record=shown(node.record))
            return None
        self._look, self._told = True, ""  # the next look leaves a watch on it
        record = self._record(self._wanted)
        try:
            if node is None:
                self._client.create(self._path, record)
            else:  # an earlier session of ours, which ZooKeeper has not ended yet
                self._client.replace(self._path, record)
        except (Gone, Taken):
            return None
        return record

    @property
    def _session_number(self) -> int | None:
        identity = self._client.identity
        return identity and identity[0]

    def _tell(self, event: str) -> None:
        if event != self._told:
            self._told = event
            _log.info(event, path=self._path)

    def _warn(self, event: str, *, record: str) -> None:
        if event != self._told:
            self._told = event
            _log.warning(event, path=self._path, record=record)

    def leave(self) -> None:
        """Say that the endpoint drains, and take it out."""
        if self._written is None:
            return
        drained = self._record(self._wanted.drain())
        last_words = None if drained == self._written else drained
        if not self._client.leave(self._path, last_words, patience=_LEAVING):
            _log.warning("not taken out: it stays until its session ends", path=self._path)

    def _record(self, endpoint: Endpoint) -> bytes:
        record = {**records.to_object(endpoint), OWNER: self._owner}
        return json.dumps(record, separators=(",", ":")).encode()


def _owner(record: bytes) -> object:
    try:
        return records.load_object(record).get(OWNER)
    except EntryError:
        return None
