"""Who is there: the ephemeral nodes below the prefix, watched without a gap.

Every list and every read leaves its watch behind before it answers, so what happens after is told.
A broken connection loses the watches: then everything is read again, and what is published compares
two complete readings, never a part of one.
"""

import time
from collections.abc import Iterable
from contextlib import suppress
from threading import Event

import structlog

from lbdisc import formats
from lbdisc.errors import DiscoveryError
from lbdisc.hooks import Publish
from lbdisc.values import Endpoint, Snapshot
from lbdisc_zookeeper.client import SLICE, Client
from lbdisc_zookeeper.settings import ZooKeeperSettings, base_path
from lbdisc_zookeeper.signals import Gone, Interrupted, Signal, Stopped
from lbdisc_zookeeper.tree import Tree

_log = structlog.get_logger("lbdisc.zookeeper")


class ZooKeeperDiscovery:
    """The discovery ``zookeeper``. Raises ``SettingsError`` for a bad prefix."""

    def __init__(self, settings: ZooKeeperSettings) -> None:
        self._settings = settings
        self._root = base_path(settings.prefix, what="zookeeper.prefix")

    def watch(self, publish: Publish, stop: Event) -> None:
        """Publish all endpoints at once and after each change, until ``stop`` is set.

        Raises ``DiscoveryError`` when ZooKeeper is out of reach for a session's time-out, and
        ``SettingsError`` when it refuses the credentials.
        """
        with (
            suppress(Stopped),
            Client(self._settings, stop=stop, failure=DiscoveryError) as client,
        ):
            _Watching(client, self._settings, Tree(self._root, self._parse), publish).run(stop)

    def _parse(self, record: bytes, service: str, name: str) -> Endpoint | None:
        settings = self._settings
        return formats.parse(
            settings.format, record, service=service, name=name, port=settings.port
        )


class _Watching:
    """One session's readings."""

    def __init__(
        self, client: Client, settings: ZooKeeperSettings, tree: Tree, publish: Publish
    ) -> None:
        self._client = client
        self._every = settings.reconcile_every
        self._tree = tree
        self._publish = publish
        self._published: Snapshot | None = None
        self._complete_at: float | None = None  # when everything was last read; None: read it now

    def run(self, stop: Event) -> None:
        signals: list[Signal] = []
        while not stop.is_set():
            self._client.check()
            try:
                self._read(signals)
            except Interrupted as error:
                _log.debug("reading interrupted", why=str(error))
                self._complete_at = None
            signals = self._client.next_signals(SLICE)

    def _read(self, signals: list[Signal]) -> None:
        if any(signal.kind in ("connected", "broken") for signal in signals):
            self._complete_at = None
        if not self._client.connected:
            return
        if self._complete_at is None or time.monotonic() - self._complete_at > self._every:
            self._read_all()
        elif signals:
            self._read_changed(signals)
        else:
            return
        self._tell()

    def _read_all(self) -> None:
        self._complete_at = None
        self._client.sync()
        self._list_services()
        self._list_names(self._tree.services)
        self._read_nodes(list(self._tree.paths()))
        self._complete_at = time.monotonic()

    def _read_changed(self, signals: list[Signal]) -> None:
        """Nodes first: one that changed and is gone already left on purpose."""
        places = [(signal, self._tree.split(signal.path)) for signal in signals]
        nodes = {s.path: s.kind == "changed" for s, place in places if place and place[1]}
        self._read_nodes(nodes, changed={path for path, changed in nodes.items() if changed})
        services = {place[0] for _, place in places if place and not place[1]}
        if any(place is None for _, place in places):
            services.update(self._list_services())
        self._read_nodes(self._list_names(sorted(services)))

    def _list_services(self) -> list[str]:
        """Takes over the services; returns the new ones."""
        while True:
            try:
                return self._tree.list_services(self._client.children(self._tree.root))
            except Gone:
                self._client.require_chroot()
                if not self._client.exists(self._tree.root):  # leaves a watch for its creation
                    return self._tree.list_services([])

    def _list_names(self, services: Iterable[str]) -> list[str]:
        """Takes over the names in each service; returns the paths of the new ones."""
        new: list[str] = []
        paths = {self._tree.path(service): service for service in services}
        for path, names in self._client.all_children(paths):
            if names is None:
                self._tree.drop_service(paths[path])  # the root's watch tells when it comes back
            else:
                new += self._tree.list_names(paths[path], names)
        return new

    def _read_nodes(self, paths: Iterable[str], changed: Iterable[str] = ()) -> None:
        for path, record in self._client.all_records(paths):
            place = self._tree.split(path)
            if place is None:
                continue
            if record is None:  # the service's watch tells when it comes back
                self._tree.drop(*place, after_change=path in changed)
            else:
                self._tree.put(*place, record)

    def _tell(self) -> None:
        """Publish what differs; an endpoint that left cleanly was draining for a moment."""
        now, before, left = self._tree.snapshot(), self._published, self._tree.take_left()
        self._published = now
        if before is None or now != before or now.problems != before.problems:
            drained = self._drained(now, before, left)
            if drained:
                self._publish(Snapshot.of((*now.endpoints, *drained), now.problems))
            self._publish(now)

    @staticmethod
    def _drained(now: Snapshot, before: Snapshot | None, left: list[Endpoint]) -> list[Endpoint]:
        """Those of ``left`` whose draining nobody has seen yet."""
        if not left or before is None:
            return []
        present = {endpoint.key for endpoint in now.endpoints}
        ready = {endpoint.key for endpoint in before.endpoints if not endpoint.draining}
        return [e for e in left if e.key in ready and e.key not in present]
