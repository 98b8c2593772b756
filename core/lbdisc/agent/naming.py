"""What the load balancer itself finds for host names, looked at while any is served.

Between two look-ups of ours its own may have had another answer: who says now this, now that, shall
not lead anybody to where nobody may be served.
"""

from collections.abc import Callable

import structlog

from lbdisc.abilities import Resolves
from lbdisc.agent.balancing import Balancing
from lbdisc.errors import LbdiscError
from lbdisc.hooks import Reloader

EVERY = 0.5  # seconds
SHARE = 20  # a look may take at most this part of the time
_log = structlog.get_logger("lbdisc.run")


class NameLooks:
    """In the agent's loop, once a turn."""

    def __init__(self, reloader: Reloader, clock: Callable[[], float]) -> None:
        self._reloader = reloader
        self._clock = clock
        self._next = 0.0
        self._asks = False
        self._broken = False

    @property
    def due(self) -> float | None:
        """When to look again; ``None`` while nobody has a name."""
        return self._next if self._asks else None

    def turn(self, balancing: Balancing, *, running: bool) -> None:
        """Look, if it is time and there is anything to look at."""
        hosts = balancing.names if running and isinstance(self._reloader, Resolves) else ()
        self._asks = bool(hosts)
        now = self._clock()
        if not hosts or now < self._next:
            return
        assert isinstance(self._reloader, Resolves)
        try:
            for host, addresses in self._reloader.resolved(hosts).items():
                balancing.saw(host, addresses)
        except LbdiscError:
            pass  # who cannot be asked serves nobody, or is asked again
        except Exception:  # noqa: BLE001 - foreign code; it must not stop the agent
            if not self._broken:
                _log.exception("the reloader plugin cannot tell what its load balancer resolves")
            self._broken = True
        end = self._clock()
        self._next = end + max(EVERY, (end - now) * SHARE)
