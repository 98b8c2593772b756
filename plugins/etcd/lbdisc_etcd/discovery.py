"""Discovery: everything is read with each session, then every change, and slowly all again."""

from collections.abc import Sequence
from threading import Event as Stop

from lbdisc.errors import DiscoveryError
from lbdisc.examining import Examination
from lbdisc.hooks import Publish
from lbdisc_etcd.cluster import Cluster, warn_of_plaintext
from lbdisc_etcd.examining import examinations
from lbdisc_etcd.following import Following, Known, Teller
from lbdisc_etcd.settings import EtcdSettings
from lbdisc_etcd.wire import Session


class EtcdDiscovery:
    """Follows the records under the prefix. What it knows outlives a ``watch`` that failed."""

    def __init__(self, settings: EtcdSettings, service: str = "") -> None:
        self._settings = settings
        self._cluster = Cluster(settings, error=DiscoveryError, timeout=settings.request_timeout)
        self._known = Known.nothing(settings, service)
        warn_of_plaintext(settings)

    def only(self, service: str) -> "EtcdDiscovery":
        """See ``lbdisc.abilities.Narrows``."""
        return EtcdDiscovery(self._settings, service)

    @property
    def lease(self) -> float:
        """See ``lbdisc.abilities.Examines``."""
        return self._settings.ttl

    def examine(self, own: Sequence[tuple[str, str]]) -> tuple[Examination, ...]:
        """See ``lbdisc.abilities.Examines``."""
        return examinations(self._settings, own)

    def tidy(self, service: str) -> None:
        """Keys leave no empty place."""

    def watch(self, publish: Publish, stop: Stop) -> None:
        """Publish the state at once and after each revision; see ``lbdisc.hooks.Discovery``."""
        teller = Teller(publish)

        def follow(session: Session) -> None:
            with Following(session, self._settings, self._known, teller) as following:
                following.begin()
                self._cluster.proven()
                following.go_on()

        self._cluster.run(follow, stop)
        # Stopped, not broken: a later watch begins with the state of its own time.
        self._known.revision = 0
