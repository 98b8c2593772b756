"""Registrar ``etcd``: one key under a lease for each entry."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from lbdisc.errors import RegistrarError, SettingsError
from lbdisc.values import Endpoint
from lbdisc_etcd.cluster import Cluster, warn_of_plaintext
from lbdisc_etcd.failures import Failure
from lbdisc_etcd.registration import LeasedKey
from lbdisc_etcd.settings import EtcdSettings
from lbdisc_etcd.wire import Session

SHORTEST = 0.5  # seconds that a request may take at the least
CALM = 1.0  # seconds until a watch that breaks is told of: some gateways break each one at once


class EtcdRegistrar:
    """Holds keys; see ``lbdisc.hooks.Registrar``. A lease that was not ended is taken up again."""

    def __init__(self, settings: EtcdSettings) -> None:
        self._settings = settings
        self._owner = ""
        self._known: dict[tuple[str, str], tuple[LeasedKey, Cluster]] = {}
        warn_of_plaintext(settings)

    def reclaim_as(self, owner: str) -> None:
        """See ``lbdisc.abilities.Reclaims``."""
        self._owner = owner

    @contextmanager
    def open(self, endpoint: Endpoint, stop: Event) -> Iterator["_Entry"]:
        """Raises ``SettingsError`` for a format that no registrar writes."""
        if self._settings.format != "lbdisc":
            raise SettingsError("bad setting etcd.format: a registrar writes 'lbdisc' only")
        if endpoint.key not in self._known:
            self._known[endpoint.key] = self._new(*endpoint.key)
        registration, cluster = self._known[endpoint.key]
        entry = _Entry(registration, cluster)
        try:
            with cluster.open(stop):
                yield entry
        finally:
            entry.close()

    def _new(self, service: str, name: str) -> tuple[LeasedKey, Cluster]:
        settings = self._settings
        # So short that some frozen members can be asked in vain before the lease ends.
        patience = min(settings.request_timeout, max(SHORTEST, settings.ttl / 6))
        key = LeasedKey(settings, service, name, self._owner)
        cluster = Cluster(
            settings,
            error=RegistrarError,
            timeout=patience,
            name=f"{service}/{name}",
            meanwhile=key.keep_alive,
        )
        return key, cluster


class _Entry:
    """One key, over whichever session there is; a watch on it tells when it is lost."""

    def __init__(self, registration: LeasedKey, cluster: Cluster) -> None:
        self.lost = Event()
        self.lease = float(registration.ttl)
        self._registration = registration
        self._cluster = cluster
        self._watched: Session | None = None
        self._watches: list[Thread] = []  # of this session, and of earlier ones for a moment
        self._closed = Event()

    @property
    def rival(self) -> str:
        return self._registration.rival

    @property
    def found(self) -> bool:
        return self._registration.found

    def put(self, endpoint: Endpoint) -> bool:
        def keep(session: Session) -> bool:
            held = self._registration.put(session, endpoint)
            if session is not self._watched:
                self._follow(session)
            return held

        return self._cluster.do(keep)

    def remove(self) -> None:
        if self._registration.begun:
            self._cluster.do(self._registration.remove)

    def _follow(self, session: Session) -> None:
        self._watched = session
        after = self._registration.seen + 1
        watch = Thread(
            target=self._watch, args=(session, after), name="lbdisc-etcd-key", daemon=True
        )
        self._watches = [*filter(Thread.is_alive, self._watches), watch]
        watch.start()

    def _watch(self, session: Session, after: int) -> None:
        """Set ``lost`` at every news of the key, and when the session breaks."""
        calm = time.monotonic() + CALM
        try:
            for news in session.watch(self._registration.key, b"", revision=after):
                if any(self._registration.is_news(event) for event in news.events):
                    self.lost.set()
        except Failure:
            session.close()  # the next put makes another
            self._closed.wait(max(0.0, calm - time.monotonic()))
            self.lost.set()

    def close(self) -> None:
        """Wait for the watches, whose sessions are closed."""
        self._closed.set()
        for watch in self._watches:
            watch.join()
