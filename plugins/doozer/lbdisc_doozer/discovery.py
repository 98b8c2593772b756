"""Discovery: everything is read with each connection, then every change."""

from collections.abc import Sequence
from threading import Event as Stop

from lbdisc.errors import DiscoveryError
from lbdisc.examining import Examination
from lbdisc.hooks import Publish
from lbdisc_doozer.connection import DoozerConnection
from lbdisc_doozer.examining import examinations
from lbdisc_doozer.exposure import warn_of_plaintext
from lbdisc_doozer.following import FileFollowing, KnownFiles
from lbdisc_doozer.servers import DoozerServers
from lbdisc_doozer.settings import DoozerSettings


class DoozerDiscovery:
    """Follows the records under the prefix. What it knows outlives a ``watch`` that failed."""

    def __init__(self, settings: DoozerSettings, service: str = "") -> None:
        self._settings = settings
        self._servers = DoozerServers(
            settings, error=DiscoveryError, timeout=settings.request_timeout
        )
        self._known = KnownFiles(settings, service)
        warn_of_plaintext(settings)

    def only(self, service: str) -> "DoozerDiscovery":
        """See ``lbdisc.abilities.Narrows``."""
        return DoozerDiscovery(self._settings, service)

    @property
    def lease(self) -> float:
        """See ``lbdisc.abilities.Examines``."""
        return self._settings.ttl

    def examine(self, own: Sequence[tuple[str, str]]) -> tuple[Examination, ...]:
        """See ``lbdisc.abilities.Examines``."""
        return examinations(self._settings, own)

    def tidy(self, service: str) -> None:
        """A folder goes with the last file in it."""

    def watch(self, publish: Publish, stop: Stop) -> None:
        """Publish the state at once and after each change; see ``lbdisc.hooks.Discovery``."""
        self._known.forget_told()

        def follow(connection: DoozerConnection) -> None:
            following = FileFollowing(connection, self._known, publish)
            following.begin()
            self._servers.proven()
            following.go_on()

        self._servers.run(follow, stop)
