"""Where HAProxy takes connections with a configuration, as far as an endpoint could be there."""

from collections.abc import Collection, Iterator

from lbdisc.haproxy.binding.addresses import ANY, targets
from lbdisc.haproxy.binding.binder import Binder, binder
from lbdisc.haproxy.binding.wanted import Listening, listeners
from lbdisc.haproxy.language.model import Configuration
from lbdisc.haproxy.settings import HaproxySettings

Place = tuple[str, int]  # IP address, of which some stand for all of the machine's, and port


class OccupiedPlaces:
    """Remembers what it found last: most changes are none of what is listened on."""

    def __init__(self) -> None:
        self._known: tuple[tuple[Listening, ...], bool] = (), True
        self._places: frozenset[Place] = frozenset()
        self._binder: tuple[int, Binder] | None = None

    def of(
        self, configuration: Configuration, master: int, settings: HaproxySettings
    ) -> Collection[Place]:
        """Those of ``configuration``: of frontends, statistics, CLI, peers and logs.

        ``master`` is the process id of the HAProxy that runs, 0 where none does.
        """
        if self._binder is None or self._binder[0] != master:
            given = settings.pass_environment
            self._binder = master, binder(master, settings.binary, passed=given)
        by = self._binder[1]
        found = listeners(configuration, environment=by.environment, local_peer=by.local_peer)
        if self._known != (found, by.here):
            self._known = found, by.here
            self._places = frozenset(_places(found, here=by.here))
        return self._places


def _places(found: Collection[Listening], *, here: bool) -> Iterator[Place]:
    for listener in found:
        if listener.option("namespace"):
            continue  # another machine, as it were
        for target in targets(listener):
            stream = target.port and not target.datagrams
            if stream and (here or target.host not in ANY):
                yield target.host, target.port
