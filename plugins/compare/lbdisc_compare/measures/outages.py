"""The registry's leader killed, the registry away, half of the nodes lost, under traffic."""

import time
from dataclasses import dataclass
from typing import ClassVar

from lbdisc_compare.contenders.contender import Contender, Deployment, Part, Size, Unable
from lbdisc_compare.measures.measure import Figure, Need, Scale, Section, Sitting
from lbdisc_compare.measures.trial import (
    BALANCERS,
    FAULT_FIGURES,
    Trial,
    Window,
    all_at_once,
    node_names,
    trial,
)

NEWCOMER = "newcomer"  # a node that joins when the registry is at its worst
DEPLOYING = 10.0  # seconds, about
LINGER = 3.0  # seconds that are looked at after the end, for what comes back late


class _UnderTraffic:
    """A fault on hosts without networks of their own, under the load."""

    section: ClassVar[Section] = "faults"
    figures: ClassVar[tuple[Figure, ...]] = FAULT_FIGURES
    needs: ClassVar[frozenset[Need]] = frozenset()

    def run(self, contender: Contender, sitting: Sitting) -> None:
        size = Size(balancers=BALANCERS)
        names = node_names(sitting.scale.nodes)
        with (
            trial(contender, sitting, size, names, possible=self.possible) as tried,
            tried.scene() as window,
        ):
            self.strike(tried, window)

    def possible(self, deployment: Deployment) -> object:
        """Raises ``Unable`` before anything is done."""

    def strike(self, tried: Trial, window: Window) -> None:
        """Do it, and wait until it is over. Raises ``Unable``."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class LeaderKilled(_UnderTraffic):
    """kill -9 of the server that the others follow (where there is one server, of that).

    It is started again after ``back`` seconds. A node joins meanwhile, as soon as a client can
    write it.
    """

    name: ClassVar[str] = "leader"
    title: ClassVar[str] = "The registry's leader is killed"
    back: float = 10.0

    def rounds(self, scale: Scale) -> int:
        return scale.count(1, 0)

    def seconds(self, contender: Contender, scale: Scale) -> float:
        return DEPLOYING + self.back + 6

    def possible(self, deployment: Deployment) -> object:
        return _leader(deployment)

    def strike(self, tried: Trial, window: Window) -> None:
        leader = _leader(tried.deployment)
        tried.deployment.serve(NEWCOMER)
        began = tried.fault(window, leader.name, "kill -9")
        leader.kill()
        if len(tried.deployment.registry) > 1:
            tried.join(window, NEWCOMER, deadline=self.back)
        time.sleep(max(0.0, began + self.back - time.monotonic()))
        leader.start()
        if NEWCOMER in tried.right:
            tried.note(window, leader.name, "started again")
        else:
            tried.healed(window, leader.name, "started again")
            tried.join(window, NEWCOMER)
        tried.settle(steady=LINGER)


def _leader(deployment: Deployment) -> Part:
    """Raises ``Unable``."""
    servers = _servers(deployment)
    if len(servers) == 1:
        return servers[0]
    leader = deployment.leader()
    if leader is None:
        raise Unable("its registry has no leader: its servers do not follow one")
    return leader


def _servers(deployment: Deployment) -> list[Part]:
    """Raises ``Unable``."""
    if not deployment.registry:
        raise Unable("its registry has no servers that could fail")
    return list(deployment.registry)


@dataclass(frozen=True, slots=True)
class RegistryAway(_UnderTraffic):
    """kill -9 of all its servers; they are started again after ``away`` seconds (a quarter of it
    in a quick run), and then a node joins."""

    name: ClassVar[str] = "away"
    title: ClassVar[str] = "The registry is away"
    away: float = 20.0

    def rounds(self, scale: Scale) -> int:
        return 1

    def seconds(self, contender: Contender, scale: Scale) -> float:
        return DEPLOYING + self._away(scale) + 7

    def _away(self, scale: Scale) -> float:
        return self.away / 4 if scale.quick else self.away

    def possible(self, deployment: Deployment) -> object:
        return _servers(deployment)

    def strike(self, tried: Trial, window: Window) -> None:
        servers = _servers(tried.deployment)
        away = self._away(tried.sitting.scale)
        tried.deployment.serve(NEWCOMER)
        began = tried.fault(window, "registry", f"kill -9 of {len(servers)}, for {away:g} s")
        all_at_once([server.kill for server in servers])
        time.sleep(max(0.0, began + away - time.monotonic()))
        all_at_once([server.start for server in servers])
        tried.healed(window, "registry", "started again; then a node joins")
        tried.join(window, NEWCOMER)
        tried.settle(steady=LINGER)


@dataclass(frozen=True, slots=True)
class HalfLost(_UnderTraffic):
    """kill -9 of web app and registrar of half of the nodes, at once."""

    name: ClassVar[str] = "half"
    title: ClassVar[str] = "Half of the nodes are lost at once"
    least: float = 4.0  # seconds that are looked at

    def rounds(self, scale: Scale) -> int:
        return 1

    def seconds(self, contender: Contender, scale: Scale) -> float:
        return DEPLOYING + self.least + 2

    def strike(self, tried: Trial, window: Window) -> None:
        if not tried.nodes:
            raise Unable("nothing of it runs on the nodes' hosts, so there is no host to lose")
        lost = sorted(tried.nodes)[: len(tried.nodes) // 2]
        began = tried.fault(window, ", ".join(lost), "kill -9 of web app and registrar")
        tried.now_right(tried.right - set(lost), at=began)
        all_at_once([tried.nodes[name].kill for name in lost])
        tried.settle()
        time.sleep(max(0.0, began + self.least - time.monotonic()))
