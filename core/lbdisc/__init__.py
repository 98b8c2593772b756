"""lbdisc keeps a load balancer in step with a cluster, whatever registry the cluster uses."""

from lbdisc.hooks import (
    Applied,
    Discovery,
    Listener,
    Planned,
    Provider,
    Publish,
    Registrar,
    Reloader,
    Renderer,
    hookimpl,
)
from lbdisc.values import Change, Endpoint, Problem, Snapshot

__all__ = [
    "Applied",
    "Change",
    "Discovery",
    "Endpoint",
    "Listener",
    "Planned",
    "Problem",
    "Provider",
    "Publish",
    "Registrar",
    "Reloader",
    "Renderer",
    "Snapshot",
    "hookimpl",
]
__version__ = "0.1.0"
