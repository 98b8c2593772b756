"""Making an endpoint known: an ephemeral node, held through lost connections and sessions."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event

from lbdisc import records
from lbdisc.errors import EntryError, RegistrarError, SettingsError, WriteRefused
from lbdisc.raw import Raw, content
from lbdisc.values import Endpoint
from lbdisc_zookeeper.access import warn_of_open_nodes
from lbdisc_zookeeper.client import ZooKeeperClient, warn_of_plain_passwords
from lbdisc_zookeeper.settings import ZooKeeperSettings, base_path
from lbdisc_zookeeper.signals import Content, Gone, Identity, Signal, Taken

OWNER = "owner"  # the member of a record that tells whose it is; readers pass over it
_TURNS = 10  # times that the node is set right at once, while somebody else changes it


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
        warn_of_open_nodes(settings)
        self._owner = secrets.token_hex(8)
        self._session: Identity | None = None  # one that was cut off with its node

    def reclaim_as(self, owner: str) -> None:
        """See ``lbdisc.abilities.Reclaims``."""
        self._owner = owner

    @contextmanager
    def open(self, endpoint: Endpoint, stop: Event) -> Iterator["_Node"]:
        """Raises ``RegistrarError`` when there is no connection in ``connect_timeout``.

        A session that has, or may have, the node is not ended, and resumed by the next call if it
        still lives: the node never vanishes meanwhile.
        """
        path = f"{self._root}/{endpoint.service}/{endpoint.name}"
        node = _Node(self._settings, path, self._owner, stop=stop, resume=self._session)
        with node.client as client:
            try:
                yield node
            finally:
                client.keep_session = node.held
                self._session = node.session if node.held else None


class _Node:
    """One ephemeral node. Every ``put`` ends with a look that has left a watch on it."""

    def __init__(
        self,
        settings: ZooKeeperSettings,
        path: str,
        owner: str,
        *,
        stop: Event,
        resume: Identity | None,
    ) -> None:
        self.client = ZooKeeperClient(
            settings, stop=stop, failure=RegistrarError, tell=self._hear, resume=resume
        )
        self.lease = settings.session_timeout
        self.lost = Event()
        self.rival = ""
        self.found = False
        self.written_s: float | None = None
        self.session = resume  # ours, as of the last look
        self.held = resume is not None  # whether the node is ours, or may be
        self._path, self._owner = path, owner
        self._watching = False  # whether a signal would be news

    def _hear(self, signal: Signal) -> None:
        """Called by the connection: the node changed, or the watch on it broke with a connection.

        A connection that is broken is no news yet: the node outlives it.
        """
        if self._watching and (signal.kind == "connected" or signal.path == self._path):
            self._watching = False
            self.lost.set()

    def put(self, endpoint: Endpoint) -> bool:
        """Look, and set right what differs, until a look finds it right.

        Waits through broken connections for a session's time-out.
        """
        record = {**records.to_object(endpoint), OWNER: self._owner}
        text = json.dumps(record, separators=(",", ":")).encode()
        return self.client.persist(lambda: self._agree(text))

    def _agree(self, record: bytes) -> bool:
        for turn in range(_TURNS):
            node = self._look()
            if node is not None and not self.held:
                self.rival = f"{self._path}, " + (
                    f"session {node.session:#x}" if node.session else "persistent: remove it"
                )
                return False
            if node is not None and node.record == record and self._lives_with_us(node):
                self.found = turn == 0
                return True
            try:
                with suppress(Gone, Taken):  # somebody else was quicker
                    self._change(node, record)
            except WriteRefused:
                if node is None or self._lives_with_us(node):
                    raise
                # One of an earlier session, where nobody may remove from the folder: it ends.
                self.held = False
                self.rival = f"{self._path}, session {node.session:#x}, ours before: it will end"
                return False
        raise RegistrarError(f"{self._path} is changed by somebody else all the time")

    def _look(self) -> Content | None:
        self._watching = True  # before the look: a signal that comes after it counts
        node = self.client.read(self._path)
        self.written_s = None if node is None else node.written_s
        self.session = self.client.identity or self.session  # none while it is cut off
        self.held = node is not None and (
            self._lives_with_us(node) or _owner(node.record) == self._owner
        )
        return node

    def _lives_with_us(self, node: Content) -> bool:
        return self.session is not None and node.session == self.session[0]

    def _change(self, node: Content | None, record: bytes) -> None:
        self._watching = False  # our own change is no news
        self.held = True  # even if the answer is lost
        if node is None:
            self.client.create(self._path, record)
        elif self._lives_with_us(node):
            self.client.write(self._path, record, version=node.version)
        else:  # an earlier session of ours, which ZooKeeper has not ended yet
            self.client.replace(self._path, record, version=node.version)

    def remove(self) -> None:
        self.client.persist(self._take_out)

    def _take_out(self) -> None:
        while (node := self._look()) is not None and self.held:
            self._watching = False
            try:
                with suppress(Gone, Taken):
                    self.client.remove(self._path, version=node.version)
            except WriteRefused:
                if not self._lives_with_us(node):
                    raise
                self.held = False
                return  # the end of the session, which is next, asks nobody


def _owner(record: Raw) -> object:
    try:
        return records.load_object(content(record)).get(OWNER)
    except EntryError:
        return None
