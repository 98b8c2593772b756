"""Who is there: the ephemeral nodes below the prefix, watched without a gap.

Every list and every read leaves its watch behind before it answers, so what happens after is told.
A broken connection loses the watches: then everything is read again, and what is published compares
two complete readings, never a part of one.
"""

import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event

import structlog

from lbdisc import formats
from lbdisc.backoff import spread
from lbdisc.errors import DiscoveryError, RegistrarError
from lbdisc.examining import Examination
from lbdisc.hooks import Publish
from lbdisc.values import Endpoint, Snapshot
from lbdisc_zookeeper.client import SLICE, ZooKeeperClient, warn_of_plain_passwords
from lbdisc_zookeeper.examining import examinations
from lbdisc_zookeeper.nodes import PART, NodeReader, Postponed
from lbdisc_zookeeper.settings import ZooKeeperSettings, base_path
from lbdisc_zookeeper.signals import Gone, Interrupted, Locked, Overlarge, Signal, Stopped
from lbdisc_zookeeper.tree import Tree

_log = structlog.get_logger("lbdisc.zookeeper")


class ZooKeeperDiscovery:
    """The discovery ``zookeeper``. Raises ``SettingsError`` for a bad prefix."""

    def __init__(self, settings: ZooKeeperSettings, service: str = "") -> None:
        self._settings = settings
        self._service = service
        self._root = base_path(settings.prefix, what="zookeeper.prefix")
        warn_of_plain_passwords(settings)

    def only(self, service: str) -> "ZooKeeperDiscovery":
        """See ``lbdisc.abilities.Narrows``."""
        return ZooKeeperDiscovery(self._settings, service)

    @property
    def lease(self) -> float:
        """See ``lbdisc.abilities.Examines``."""
        return self._settings.session_timeout

    def examine(self, own: Sequence[tuple[str, str]]) -> tuple[Examination, ...]:
        """See ``lbdisc.abilities.Examines``."""
        return examinations(self._settings, own)

    def tidy(self, service: str) -> None:
        """See ``lbdisc.abilities.Examines``."""
        with (
            ZooKeeperClient(
                self._settings, stop=Event(), failure=RegistrarError, tell=lambda _: None
            ) as client,
            suppress(Gone, RegistrarError),
        ):  # one that is not empty is somebody's
            client.remove(f"{self._root}/{service}", version=-1)

    def watch(self, publish: Publish, stop: Event) -> None:
        """Publish all endpoints at once and after each change, until ``stop`` is set.

        Raises ``DiscoveryError`` when ZooKeeper is out of reach for a session's time-out, and
        ``SettingsError`` when it refuses the credentials.
        """
        settings, told = self._settings, SimpleQueue[Signal]()
        with (
            suppress(Stopped),
            ZooKeeperClient(settings, stop=stop, failure=DiscoveryError, tell=told.put) as client,
        ):
            ours = settings.format == "lbdisc"
            tree = Tree(self._root, self._parse, self._service, says_ttl=ours)
            _Watching(client, told, settings, tree, publish).run(stop)

    def _parse(self, record: bytes, service: str, name: str) -> Endpoint | None:
        settings = self._settings
        return formats.parse(
            settings.format, record, service=service, name=name, port=settings.port
        )


class _Watching:
    """One session's readings."""

    def __init__(
        self,
        client: ZooKeeperClient,
        told: SimpleQueue[Signal],
        settings: ZooKeeperSettings,
        tree: Tree,
        publish: Publish,
    ) -> None:
        self._client = client
        self._told = told
        self._every = settings.reconcile_every
        self._patience = settings.session_timeout
        self._tree = tree
        self._nodes = NodeReader(client, tree)
        self._publish = publish
        self._published: Snapshot | None = None
        self._unsure = True  # whether watches were lost since everything was last read
        self._unsure_since: float | None = time.monotonic()  # None while all was read
        self._forbidden: Locked | None = None  # what was met last that may not be read
        self._why = "it takes connections, and answers nothing"
        self._due = 0.0  # when everything is read again, at the latest
        self._again: deque[str] = deque()  # paths that are read again meanwhile
        self._postponed = Postponed()
        self._signals: list[Signal] = []  # what is to be dealt with
        self._changed: set[str] = set()  # nodes that changed since they were read

    def run(self, stop: Event) -> None:
        while not stop.is_set():
            self._check()
            try:
                self._read()
            except Interrupted as error:
                _log.debug("reading interrupted", why=str(error))
                self._why = str(error)
                self._be_unsure()
            self._listen(0 if self._again and self._client.connected else SLICE)

    def _check(self) -> None:
        self._client.check()
        since = self._unsure_since
        if since is not None and time.monotonic() - since > self._patience:
            raise DiscoveryError(f"ZooKeeper does not serve: {self._why}")

    def _be_unsure(self) -> None:
        self._unsure = True
        self._unsure_since = self._unsure_since or time.monotonic()

    def _listen(self, patience: float) -> None:
        """Take in the signals there are; wait for a first one for ``patience`` seconds."""
        heard: list[Signal] = []
        with suppress(Empty):
            heard.append(self._told.get(timeout=patience) if patience else self._told.get_nowait())
            while True:
                heard.append(self._told.get_nowait())
        self._signals += heard
        self._changed.update(signal.path for signal in heard if signal.kind == "changed")
        if any(signal.kind in ("connected", "broken") for signal in heard):
            self._be_unsure()
            self._changed.clear()  # what changed then may have been lost since

    def _read(self) -> None:
        signals, self._signals = self._signals, []
        if not self._client.connected:
            return
        if self._unsure:
            self._read_all()
        elif not (self._read_changed(signals) | self._read_again()):
            return
        self._tell()

    def _read_all(self) -> None:
        self._listen(0)
        self._unsure = False  # before reading: a connection that breaks meanwhile counts
        self._again.clear()
        self._client.sync()
        self._list_services()
        self._list_names(self._tree.services)
        self._read_nodes(list(self._tree.paths()))
        if self._forbidden is not None and self._tree.reads_nothing:
            raise self._forbidden  # not one of them, but the credentials
        self._unsure_since = time.monotonic() if self._unsure else None
        self._due = time.monotonic() + spread(self._every)

    def _read_again(self) -> bool:
        """Read a part of everything when it is time, so that no news has to wait for all of it."""
        if not self._again:
            if time.monotonic() < self._due:
                return False
            self._client.sync()
            self._list_services()
            self._again.extend(map(self._tree.path, self._tree.services))
            self._again.extend(self._tree.paths())
        part = [self._again.popleft() for _ in range(min(PART, len(self._again)))]
        self._read_paths(part)
        if not self._again:
            self._due = time.monotonic() + spread(self._every)
        return True

    def _read_changed(self, signals: list[Signal]) -> bool:
        """Whether there was something to read."""
        paths = {signal.path for signal in signals if signal.path}
        late = self._postponed.take(paths, self._tree.refused)
        ready = (paths - late.held) | late.due
        if ready:
            self._read_paths(ready)
        return bool(ready)

    def _read_paths(self, paths: Iterable[str]) -> None:
        places = {path: self._tree.split(path) for path in paths}
        self._read_nodes([path for path, place in places.items() if place and place[1]])
        services = {place[0] for place in places.values() if place and not place[1]}
        if None in places.values():
            services.update(self._list_services())
        self._read_nodes(self._list_names(sorted(services)))

    def _list_services(self) -> list[str]:
        """Takes over the services; returns the new ones."""
        while True:
            try:
                names = self._client.children(self._tree.root)
            except Gone:
                self._client.require_chroot()
                if self._client.exists(self._tree.root):
                    continue
                names = []  # the look at it has left a watch for its creation
            except Overlarge as error:
                if self._published is None:
                    raise DiscoveryError(f"{error} has too many names, or too long ones") from error
                self._tree.unlisted()
                return []
            self._listen(0)
            return self._tree.list_services(names, self._changed)

    def _list_names(self, services: Iterable[str]) -> list[str]:
        """Takes over the names in each service; returns the paths of the new ones."""
        new: list[str] = []
        paths = {self._tree.path(service): service for service in services}
        for path, names in self._client.all_children(paths):
            self._listen(0)
            if names is None:  # the root's watch tells when it comes back
                self._tree.drop_service(paths[path], self._changed)
            elif isinstance(names, Overlarge):
                self._tree.unlisted(paths[path])
            elif isinstance(names, Locked):
                self._forbid(paths[path], "", names)
            else:
                new += self._tree.list_names(paths[path], names, self._changed)
        return new

    def _read_nodes(self, paths: Iterable[str]) -> None:
        asked = list(paths)
        changed = self._changed.intersection(asked)
        self._changed -= changed  # before reading: a change after it counts again
        for path, record in self._nodes.read(asked):
            place = self._tree.split(path)
            if place is None:
                continue
            if record is None:  # the service's watch tells when it comes back
                self._listen(0)
                self._tree.drop(*place, changed if path in changed else self._changed)
            elif isinstance(record, Locked):
                self._forbid(*place, record)
            else:
                self._tree.put(*place, record.record, record.session)

    def _forbid(self, service: str, name: str, error: Locked) -> None:
        """One that may not be read is its own problem."""
        self._forbidden = error
        self._tree.forbid(service, name, str(error))

    def _tell(self) -> None:
        """Publish what differs; an endpoint that left cleanly was draining for a moment."""
        now, before, left = self._tree.snapshot(), self._published, self._tree.take_left()
        self._published = now
        if not now.tells_the_same(before):
            drained, leases = self._drained(now, before, left), self._tree.take_leases()
            if drained:
                leaving = Snapshot.of((*now.endpoints, *drained), now.problems, now.more)
                self._publish(leaving, revision=self._client.revision, leases=leases)
            self._publish(now, revision=self._client.revision, leases=leases)

    @staticmethod
    def _drained(now: Snapshot, before: Snapshot | None, left: list[Endpoint]) -> list[Endpoint]:
        """Those of ``left`` whose draining nobody has seen yet."""
        if not left or before is None:
            return []
        present = {endpoint.key for endpoint in now.endpoints}
        ready = {endpoint.key for endpoint in before.endpoints if not endpoint.draining}
        return [e for e in left if e.key in ready and e.key not in present]
