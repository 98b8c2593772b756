"""Endpoints served by what runs, while what is wanted cannot be brought to life."""

from collections.abc import Iterable
from pathlib import Path

from lbdisc.abilities import StandsIn, TakesOver
from lbdisc.hooks import Reloader
from lbdisc.losses import ProxyServer
from lbdisc.planned import Planned
from lbdisc.rendered import Rendered
from lbdisc.values import Snapshot


def stand_in(
    reloader: Reloader, output: Path, snapshot: Snapshot, wanted: Rendered
) -> tuple[Planned, Snapshot] | None:
    """The way to it, and who of ``snapshot`` is served then; ``None`` where nothing can be done.

    Raises ``LbdiscError``.
    """
    if not isinstance(reloader, StandsIn):
        return None
    planned = reloader.instead(output, wanted)
    if planned is None:
        return None
    if not isinstance(reloader, TakesOver):
        return planned, snapshot
    return planned, served_in(snapshot, reloader.servers(planned.candidate.text))


def served_in(snapshot: Snapshot, servers: Iterable[ProxyServer]) -> Snapshot:
    """Those whose address has a server, at whatever port the template gives it."""
    hosts = {server.address.rpartition(":")[0].strip("[]") for server in servers}
    kept = (endpoint for endpoint in snapshot.endpoints if endpoint.address in hosts)
    return Snapshot.of(kept, snapshot.problems, snapshot.more)
