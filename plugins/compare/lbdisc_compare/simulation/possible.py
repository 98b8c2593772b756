"""How many nodes this machine takes for real, from what one costs and from what it has.

Costs were measured here: a registrar of lbdisc beside a web app, and a Serf agent of a cluster of
100 that does nothing (``docs/compare.md``). Half of the memory and of the processors is left to the
balancer, the registry and what measures.
"""

import os
from dataclasses import dataclass

import psutil

SHARE = 0.5
ADDRESSES = 240  # hosts of one loopback network


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCost:
    """``memory`` in MB, ``busy`` as a share of one processor."""

    memory: float
    busy: float
    what: str


REGISTRAR = NodeCost(memory=75.4, busy=0.0023, what="a registrar")
SERF = NodeCost(memory=90.9, busy=0.0036, what="a registrar with a Serf agent")
COSTS = {"serf": SERF}


def possible_nodes(way: str = "") -> tuple[int, str]:
    """The most nodes of ``way`` that are started with their registrars, and why no more.

    Ways are named as in ``--ways``; without one it is the most that every way can have.
    """
    if not way:
        return min((possible_nodes(one) for one in ("serf", "other")), key=lambda most: most[0])
    cost = COSTS.get(way.partition("-")[0], REGISTRAR)
    free = psutil.virtual_memory().available / 1e6 * SHARE
    processors = len(os.sched_getaffinity(0)) * SHARE
    limits = [
        (int(free / cost.memory), f"{cost.what} takes {cost.memory:.0f} MB of {free:,.0f} MB"),
        (
            int(processors / cost.busy),
            f"{cost.what} takes {cost.busy:.1%} of a processor, idle, of {processors:g}",
        ),
        (ADDRESSES, "as many addresses has the network that the hosts are on"),
    ]
    most, why = min(limits, key=lambda limit: limit[0])
    return max(1, most), why
