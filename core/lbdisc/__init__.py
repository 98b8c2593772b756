"""lbdisc keeps a load balancer in step with a cluster, whatever registry the cluster uses."""

from lbdisc.hooks import (
    Discovery,
    Listener,
    Provider,
    Publish,
    Registrar,
    Reloader,
    Renderer,
    hookimpl,
)
from lbdisc.leases import Lease
from lbdisc.planned import Applied, Planned
from lbdisc.rendered import Rendered
from lbdisc.values import Change, Endpoint, Problem, Snapshot

__all__ = [
    "Applied",
    "Change",
    "Discovery",
    "Endpoint",
    "Lease",
    "Listener",
    "Planned",
    "Problem",
    "Provider",
    "Publish",
    "Registrar",
    "Reloader",
    "Rendered",
    "Renderer",
    "Snapshot",
    "hookimpl",
]
__version__ = "0.1.0"
