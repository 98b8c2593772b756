"""Endpoints that are the load balancer itself: known once its configuration is rendered."""

from collections.abc import Callable
from pathlib import Path

import structlog

from lbdisc.abilities import Occupies
from lbdisc.agent.balancing import Balancing
from lbdisc.errors import LbdiscError
from lbdisc.hooks import Reloader
from lbdisc.rendered import Rendered
from lbdisc.values import Snapshot

_log = structlog.get_logger("lbdisc.run")
Place = tuple[str, int]


def occupied(reloader: Reloader, output: Path, rendered: Rendered) -> frozenset[Place]:
    """Where the load balancer listens with ``rendered``; nothing where nobody can say."""
    if not isinstance(reloader, Occupies):
        return frozenset()
    try:
        return frozenset(reloader.occupies(output, rendered))
    except LbdiscError:
        return frozenset()  # applying says why
    except Exception:  # noqa: BLE001 - foreign code; it must not stop the agent
        _log.exception("the reloader plugin cannot tell where its load balancer listens")
        return frozenset()


class OwnEndpoints:
    """Keeps them out of what is wanted, before anything is applied."""

    def __init__(
        self, reloader: Reloader, output: Path, balancing: Callable[[], Balancing]
    ) -> None:
        self._reloader = reloader
        self._output = output
        self._balancing = balancing

    def without(self, snapshot: Snapshot, rendered: Rendered) -> Snapshot:
        """``snapshot``, or what of it may be served where ``rendered`` listens somewhere new."""
        balancing = self._balancing()
        if balancing.occupy(occupied(self._reloader, self._output, rendered)):
            return balancing.admitted(snapshot)
        return snapshot
