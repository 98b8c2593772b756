"""Networks that are cut, lossy or slow, between hosts with networks of their own, under traffic.

All scenes of a way are played in one deployment, one after the other, each with its healing.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import ClassVar, cast

from lbdisc_compare.contenders.contender import (
    Contender,
    Deployment,
    Gossiping,
    Size,
    Unable,
)
from lbdisc_compare.hosts.host import Host, Separable
from lbdisc_compare.measures.measure import Figure, Need, Scale, Section, Sitting
from lbdisc_compare.measures.trial import (
    BALANCERS,
    FAULT_FIGURES,
    SETTLING,
    Trial,
    Window,
    node_names,
    trial,
)

DROPPED = "iptables, DROP"
LOSS = 0.05
DELAY = 0.05  # seconds, each way
PART = 3  # of the nodes so many are cut off, fewer than half
DEPLOYING = 12.0  # seconds, about

Pair = tuple[Host, Host]


@dataclass(frozen=True, slots=True)
class Roles:
    """Who is on which host. The first of the balancers is the one that is cut off."""

    balancers: tuple[Host, ...]
    registry: tuple[Host, ...]
    nodes: dict[str, Host]

    @classmethod
    def of(cls, tried: Trial) -> "Roles":
        deployment = tried.deployment
        return cls(
            balancers=tuple(seat.host for seat in deployment.seats),
            registry=tuple(part.host for part in deployment.registry),
            nodes=_hosts_of(tried),
        )

    @property
    def first(self) -> Host:
        return self.balancers[0]

    @property
    def few(self) -> dict[str, Host]:
        """The nodes that are cut off where some are."""
        names = sorted(self.nodes)[: min(PART, max(1, len(self.nodes) // 2 - 1))]
        return {name: self.nodes[name] for name in names}


def _hosts_of(tried: Trial) -> dict[str, Host]:
    if tried.nodes:
        return {name: node.host for name, node in tried.nodes.items()}
    return {name: Host(name=name, address=tried.deployment.place(name)[0]) for name in tried.names}


@dataclass(frozen=True, slots=True)
class NetworkScene:
    """One fault. ``strike`` puts it in place and says by what means; raises ``Unable``.

    ``reaches`` says whether the first balancer still reaches the few nodes; ``joins`` whether a
    node joins while it lasts.
    """

    name: str
    seconds: float
    strike: Callable[[Separable, Roles, Deployment], str]
    reaches: bool = True
    joins: bool = False


def _balancer_registry(network: Separable, roles: Roles, deployment: Deployment) -> str:
    for server in _servers(roles):
        network.cut(roles.first, server)
    return DROPPED


def _node_registry(network: Separable, roles: Roles, deployment: Deployment) -> str:
    for node, server in product(roles.few.values(), _servers(roles)):
        network.cut(node, server)
    return DROPPED


def _node_balancer(network: Separable, roles: Roles, deployment: Deployment) -> str:
    for node in roles.few.values():
        network.cut(node, roles.first)
    return DROPPED


def _one_way(network: Separable, roles: Roles, deployment: Deployment) -> str:
    for node in roles.few.values():
        network.cut(node, roles.first, one_way=True)
    return f"{DROPPED}, from the nodes alone"


def _minority(network: Separable, roles: Roles, deployment: Deployment) -> str:
    """The leader from the two other servers; nodes from nodes where they are the members."""
    leader = deployment.leader()
    if len(roles.registry) >= 3 and leader is not None:
        for server in roles.registry:
            if server != leader.host:
                network.cut(leader.host, server)
        return f"{DROPPED}, {leader.name} from {len(roles.registry) - 1} others"
    if roles.registry or not _gossips(deployment):
        raise Unable("it has no three members of which a minority could be cut off")
    others = [host for name, host in roles.nodes.items() if name not in roles.few]
    for one, other in product(roles.few.values(), others):
        network.cut(one, other)
    return f"{DROPPED}, {len(roles.few)} nodes from {len(others)} others; balancers reach all"


def _gossips(deployment: Deployment) -> bool:
    """Whether the nodes themselves are the members of what knows them."""
    return isinstance(deployment, Gossiping) and deployment.gossips


def _lossy(network: Separable, roles: Roles, deployment: Deployment) -> str:
    for one, other in _of_first(roles):
        network.lose(one, other, LOSS)
    return "iptables, statistic match"


def _slow(network: Separable, roles: Roles, deployment: Deployment) -> str:
    means = {network.delay(one, other, DELAY) for one, other in _of_first(roles)}
    return ", ".join(sorted(means))


def _of_first(roles: Roles) -> Iterator[Pair]:
    """The first balancer with all nodes and servers: not with whoever sends requests to it."""
    for host in (*roles.nodes.values(), *roles.registry):
        yield roles.first, host


def _servers(roles: Roles) -> tuple[Host, ...]:
    """Raises ``Unable``."""
    if not roles.registry:
        raise Unable("its registry has no servers: there is no network between")
    return roles.registry


SCENES = (
    NetworkScene("balancer | registry", 6.0, _balancer_registry, joins=True),
    NetworkScene("node | registry", 12.0, _node_registry),
    NetworkScene("node | balancer", 9.0, _node_balancer, reaches=False),
    NetworkScene("minority | majority", 8.0, _minority, joins=True),
    NetworkScene("one way", 9.0, _one_way, reaches=False),
    NetworkScene("5 % loss", 6.0, _lossy),
    NetworkScene("50 ms", 6.0, _slow),
)


@dataclass(frozen=True, slots=True)
class Partitions:
    """The scenes, each with a fault and its end."""

    name: ClassVar[str] = "partition"
    title: ClassVar[str] = "Partitions, loss and delay"
    section: ClassVar[Section] = "faults"
    figures: ClassVar[tuple[Figure, ...]] = FAULT_FIGURES
    needs: ClassVar[frozenset[Need]] = frozenset({"namespaces"})
    scenes: tuple[NetworkScene, ...] = SCENES

    def rounds(self, scale: Scale) -> int:
        return scale.count(1, 0)

    def seconds(self, contender: Contender, scale: Scale) -> float:
        return DEPLOYING + sum(scene.seconds + 5 for scene in self.scenes)

    def run(self, contender: Contender, sitting: Sitting) -> None:
        if not isinstance(sitting.hosts, Separable):
            raise Unable("the hosts have no networks of their own")
        size = Size(balancers=BALANCERS)
        names = node_names(sitting.scale.nodes)
        with trial(contender, sitting, size, names) as tried:
            for number, scene in enumerate(self.scenes):
                try:
                    self._play(tried, scene, f"newcomer{number}")
                except Unable as error:
                    sitting.absent(f"{scene.name}: {error}")

    def _play(self, tried: Trial, scene: NetworkScene, newcomer: str) -> None:
        network = cast(Separable, tried.sitting.hosts)
        roles = Roles.of(tried)
        if scene.joins:
            tried.deployment.serve(newcomer)
        with tried.scene(scene.name) as window:
            try:
                self._strike(tried, window, scene, roles)
                began = window.since["fault"]
                if scene.joins:
                    tried.join(window, newcomer, deadline=scene.seconds)
                time.sleep(max(0.0, began + scene.seconds - time.monotonic()))
            finally:
                network.heal()
            tried.now_right(tried.right)
            self._heal(tried, window)
        if newcomer in tried.right:
            tried.leave(window, newcomer)
            tried.settle()

    def _strike(self, tried: Trial, window: Window, scene: NetworkScene, roles: Roles) -> None:
        network = cast(Separable, tried.sitting.hosts)
        began = time.monotonic()
        means = scene.strike(network, roles, tried.deployment)
        tried.fault(window, scene.name, means)
        if not scene.reaches:
            left = tried.right - set(roles.few)
            tried.now_right(left, seat=tried.deployment.seats[0].name, at=began)

    def _heal(self, tried: Trial, window: Window) -> None:
        tried.healed(window, window.scene)
        if not tried.settle():
            tried.note(window, "", f"not all was well after {SETTLING:g} s")
