"""Deployments of a comparison, and requests to their balancers."""

import http.client
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lbdisc_compare.contenders.contender import Contender, Deployment, Seat, Size
from lbdisc_compare.hosts.loopback import LoopbackHosts


@contextmanager
def deploying(way: Contender, size: Size | None = None) -> Iterator[Deployment]:
    """``way`` on loopback addresses, in a folder whose path is short enough for sockets."""
    with (
        tempfile.TemporaryDirectory(prefix="lbc-") as folder,
        way.deploy(LoopbackHosts(Path(folder)), size or Size()) as deployment,
    ):
        yield deployment


def answering(seat: Seat) -> str:
    """The node that answers one request; empty if none does."""
    with suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection(seat.host.address, seat.port, timeout=5)
        try:
            connection.request("GET", "/", headers={"Connection": "close"})
            return connection.getresponse().getheader("x-node", "")
        finally:
            connection.close()
    return ""
