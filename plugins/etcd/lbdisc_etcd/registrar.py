"""Registrar ``etcd``: one key under a lease for each entry."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from lbdisc.errors import RegistrarError, SettingsError
from lbdisc.values import Endpoint
from lbdisc_etcd.cluster import Cluster, warn_of_plaintext
from lbdisc_etcd.failures import Failure
from lbdisc_etcd.registration import Registration
from lbdisc_etcd.settings import EtcdSettings
from lbdisc_etcd.wire import Session

SHORTEST = 0.5  # seconds that a request may take at the least


class EtcdRegistrar:
    """Holds keys; see ``lbdisc.hooks.Registrar``. A lease that was not ended is taken up again."""

    def __init__(self, settings: EtcdSettings) -> None:
        self._settings = settings
        self._held: dict[tuple[str, str], tuple[Registration, Cluster]] = {}
        warn_of_plaintext(settings)

    @contextmanager
    def open(self, endpoint: Endpoint, stop: Event) -> Iterator["_Entry"]:
        """Raises ``SettingsError`` for a format that no registrar writes."""
        if self._settings.format != "lbdisc":
            raise SettingsError("bad setting etcd.format: a registrar writes 'lbdisc' only")
        if endpoint.key not in self._held:
            registration = Registration(self._settings, *endpoint.key)
            self._held[endpoint.key] = registration, Cluster(self._settings)
        registration, cluster = self._held[endpoint.key]
        entry = _Entry(registration, cluster)
        try:
            with cluster.open(stop, error=RegistrarError, timeout=self._patience):
                yield entry
        finally:
            entry.join()
            if not registration.begun:
                del self._held[endpoint.key]

    @property
    def _patience(self) -> float:
        """So short that some frozen members can be asked in vain before the lease ends."""
        return min(self._settings.request_timeout, max(SHORTEST, self._settings.ttl / 6))


class _Entry:
    """One key, over whichever session there is; a watch on it tells when it is lost."""

    def __init__(self, registration: Registration, cluster: Cluster) -> None:
        self.lost = Event()
        self.lease = float(registration.ttl)
        self._registration = registration
        self._cluster = cluster
        self._watched: Session | None = None
        self._watch: Thread | None = None

    @property
    def rival(self) -> str:
        return self._registration.rival

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
        self.join()
        after = self._registration.seen + 1
        self._watched = session
        self._watch = Thread(
            target=self._tell, args=(session, after), name="lbdisc-etcd-key", daemon=True
        )
        self._watch.start()

    def _tell(self, session: Session, after: int) -> None:
        """Set ``lost`` at every news of the key, and when the session breaks."""
        try:
            for events in session.watch(self._registration.key, b"", revision=after):
                if any(self._registration.is_news(event) for event in events):
                    self.lost.set()
        except Failure:
            session.close()  # the next put makes another
            self.lost.set()

    def join(self) -> None:
        """Wait for the watch, whose session is closed."""
        if self._watch is not None:
            self._watch.join()
