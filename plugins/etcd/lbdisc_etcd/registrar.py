"""Registrar: keeps registrations alive, through whatever happens to the cluster."""

from collections.abc import Callable
from threading import Event as Stop
from threading import Timer

import structlog

from lbdisc.errors import LbdiscError, RegistrarError, SettingsError
from lbdisc.values import Endpoint
from lbdisc_etcd.cluster import Cluster, warn_of_plaintext
from lbdisc_etcd.registration import Registration
from lbdisc_etcd.settings import EtcdSettings
from lbdisc_etcd.wire import Session

log = structlog.get_logger("lbdisc.etcd")
LOOK = 0.2  # seconds between two looks at the endpoint
SHORTEST = 0.5  # seconds that a request may take at the least
FAREWELL = 2.0  # seconds to take a registration out; after that its lease must end by itself


class EtcdRegistrar:
    """Holds endpoints. What it holds outlives a call of ``hold`` that failed."""

    def __init__(self, settings: EtcdSettings) -> None:
        self._settings = settings
        self._held: dict[tuple[str, str], tuple[Registration, Cluster]] = {}
        warn_of_plaintext(settings)

    def hold(self, endpoint: Callable[[], Endpoint], stop: Stop) -> None:
        """Keep the endpoint registered until ``stop``; see ``lbdisc.hooks.Registrar``."""
        if self._settings.format != "lbdisc":
            raise SettingsError("bad setting etcd.format: a registrar writes 'lbdisc' only")
        key = endpoint().key
        if key not in self._held:
            self._held[key] = Registration(self._settings, *key), Cluster(self._settings)
        registration, cluster = self._held[key]

        def keep(session: Session) -> None:
            registration.renew(session)
            current = endpoint()
            while not stop.is_set():
                held = registration.keep(session, current)
                cluster.proven()
                stop.wait(LOOK)
                # Reading on says that the last one is published.
                current = endpoint() if held else current

        cluster.run(keep, stop, error=RegistrarError, timeout=self._patience)
        self._leave(registration, cluster, endpoint())
        del self._held[key]

    @property
    def _patience(self) -> float:
        """So short that some frozen members can be asked in vain before the lease ends."""
        return min(self._settings.request_timeout, max(SHORTEST, self._settings.ttl / 6))

    def _leave(self, registration: Registration, cluster: Cluster, endpoint: Endpoint) -> None:
        """Take it out over a new session: the old one may be stuck, and is closed by now."""
        if not registration.begun:
            return
        late = Stop()
        timer = Timer(FAREWELL, late.set)
        timer.start()
        reason = f"no answer within {FAREWELL:g} s"
        try:
            cluster.run(
                lambda session: registration.leave(session, endpoint),
                late,
                error=RegistrarError,
                timeout=FAREWELL / 2,
            )
        except LbdiscError as error:
            reason = str(error)
        finally:
            timer.cancel()
            timer.join()
        if registration.begun:
            log.warning(
                "cannot deregister: the registration ends with its lease",
                endpoint=str(endpoint),
                within_seconds=self._settings.ttl,
                reason=reason,
            )
