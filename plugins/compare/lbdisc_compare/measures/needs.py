"""What a way needs, counted where it runs: servers, ports, and how many servers may fail."""

import threading
import time
from collections.abc import Iterator, Sequence

from lbdisc.errors import LbdiscError
from lbdisc_compare.contenders.contender import Contender, Deployment, LiveNode, Part, Size
from lbdisc_compare.hosts.listening import OpenPort, open_ports
from lbdisc_compare.measures.measure import Figure, Need, Scale, Section, Sitting

NODES = ("need1", "need2")
WRITE = 12.0  # seconds in which a write may come through after a server died: an election, retries
AGAIN = 0.5  # seconds
FAILURES = (LbdiscError, RuntimeError, AssertionError, OSError, ValueError)

SERVERS = Figure(
    name="servers",
    title="Servers of the registry",
    unit="count",
    better="none",
    explained="That are there beside balancers and nodes.",
)
PORTS = Figure(
    name="open_ports",
    title="Ports open to other hosts",
    unit="count",
    explained="That a host of this ``role`` has open beside the balancer's and the web app's own, "
    "read from its kernel; ``ports`` names them. What listens on loopback alone is no such port.",
)
LOSSES = Figure(
    name="servers_lost",
    title="Servers that may die",
    unit="count",
    better="higher",
    explained="The registry's servers are killed one after the other, the leader first, until a "
    f"new node that a client writes is at no balancer within {WRITE:.0f} s. Counted are those "
    "before.",
)


class Needs:
    """``needs``: everything is asked of what runs, nothing taken from manuals."""

    name = "needs"
    title = "Servers, ports, and servers that may die"
    section: Section = "needs"
    figures = (SERVERS, PORTS, LOSSES)
    needs: frozenset[Need] = frozenset({"namespaces"})

    def rounds(self, scale: Scale) -> int:
        return scale.count(1, 0)

    def seconds(self, contender: Contender, scale: Scale) -> float:
        return 24.0

    def run(self, contender: Contender, sitting: Sitting) -> None:
        with contender.deploy(sitting.hosts, Size(checks=False)) as deployment:
            nodes = deployment.register_all(NODES)
            sitting.sample(SERVERS, len(deployment.registry))
            for role, ports in ports_by_role(deployment, nodes).items():
                named = " ".join(map(str, ports))
                sitting.sample(PORTS, len(ports), role=role, ports=named)
            if deployment.registry:
                sitting.sample(LOSSES, losses(deployment), of=len(deployment.registry))
            else:
                sitting.absent("there is no server of the registry", LOSSES)


def ports_by_role(deployment: Deployment, nodes: Sequence[LiveNode]) -> dict[str, list[OpenPort]]:
    """Of one host in each role."""
    found: dict[str, list[OpenPort]] = {}
    for role, part, own in _hosts(deployment, nodes):
        if role not in found and part.pids:
            ports = open_ports(part.pids[0])
            found[role] = [port for port in ports if port != OpenPort(number=own, protocol="tcp")]
    return found


def _hosts(deployment: Deployment, nodes: Sequence[LiveNode]) -> Iterator[tuple[str, Part, int]]:
    """With the port that it has for its own work."""
    yield from (("registry", part, 0) for part in deployment.registry)
    yield from (("balancers", seat, seat.port) for seat in deployment.seats)
    yield from (
        ("nodes", node, deployment.place(name)[1]) for name, node in zip(NODES, nodes, strict=True)
    )


def losses(deployment: Deployment) -> int:
    """How many servers died until no write came through; all of them where there was none."""
    alive = list(deployment.registry)
    died = 0
    while alive:
        leader = deployment.leader()
        victim = next((part for part in alive if leader and part.name == leader.name), alive[0])
        alive.remove(victim)
        victim.kill()
        if not arrives(deployment, f"after{died + 1}"):
            return died
        died += 1
    return died


def arrives(deployment: Deployment, name: str) -> bool:
    """Whether a node that a client writes comes to a balancer in time; clients may hang."""
    there = threading.Event()
    threading.Thread(target=_write, args=(deployment, name, there), daemon=True).start()
    return there.wait(WRITE)


def _write(deployment: Deployment, name: str, there: threading.Event) -> None:
    ends = time.monotonic() + WRITE
    while time.monotonic() < ends:
        try:
            deployment.join(name)
            if name in deployment.seats[0].servers():
                there.set()
                return
        except FAILURES:
            pass  # not yet, or not any more
        time.sleep(AGAIN)
