"""How long a start takes: from ``docker run`` to the first request that was served."""

import time
import urllib.request
from contextlib import suppress

from lbdisc_lab.containers.site import HANG, Site
from lbdisc_lab.tasks.values import TaskStart

TIMES = 5
LOOK = 0.01  # seconds between two requests: what is measured is no finer


def measure(site: Site, times: int = TIMES) -> tuple[TaskStart, ...]:
    """Start a node ``times`` times beside those that serve, and the balancer before them.

    The site's traffic has to have stopped. Raises ``AssertionError`` for a start that hangs.
    """
    nodes = tuple(_node(site, f"n{number}") for number in range(times))
    balancers = tuple(_balancer(site) for _ in range(times))
    return (
        TaskStart(what="a node, beside a balancer that runs", seconds=nodes),
        TaskStart(what="the balancer, its nodes running", seconds=balancers),
    )


def _node(site: Site, name: str) -> float:
    began = time.monotonic()
    site.start_nodes(name)
    seconds = _until_answered(site, site.host(name), began)
    site.stop_nodes(name)
    site.forget_nodes(name)
    return seconds


def _balancer(site: Site) -> float:
    site.balancer.stop()
    site.balancer.remove()
    began = time.monotonic()
    site.start_balancer()
    return _until_answered(site, "", began)


def _until_answered(site: Site, host: str, began: float) -> float:
    """Ask until ``host`` answers, or anybody where it is empty."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < began + HANG:
        with suppress(OSError), opener.open(site.url, timeout=HANG) as answer:
            if f'"host":"{host}' in answer.read().decode().replace(" ", ""):
                return time.monotonic() - began
        time.sleep(LOOK)
    raise AssertionError(f"{host or 'nobody'} answered within {HANG:g} s")
