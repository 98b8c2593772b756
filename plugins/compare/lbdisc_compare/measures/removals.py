"""Healthy nodes that are taken out because something else is frozen or starved.

Lifeguard (Dadgar, Phillips, Currey: Lifeguard: Local Health Awareness for More Accurate Failure
Detection, 2018, section V) counts false positives at members while others are slow. Here the web
apps are healthy all the time, and what is slow is what registers them, keeps the registry, or keeps
the balancer in step.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from threading import Timer
from typing import Any, ClassVar, Literal

from lbdisc_compare.contenders.contender import (
    Contender,
    Guarded,
    Part,
    Seat,
    ServerState,
    Size,
    Steered,
)
from lbdisc_compare.hosts.loopback import LoopbackHosts
from lbdisc_compare.hosts.starving import frozen, starved
from lbdisc_compare.measures.measure import Figure, Need, Scale, Section, Sitting
from lbdisc_compare.measures.trial import (
    BALANCERS,
    LOST,
    SETTLING,
    Trial,
    Window,
    all_at_once,
    node_names,
    trial,
)
from lbdisc_compare.traffic.agreement import Fact, Removals, removals, spans
from lbdisc_compare.traffic.views import Lookout, Sight

Who = Literal["registrars", "servers", "balancer"]
How = Literal["frozen", "starved"]
STARVED = 0.95  # of each tenth of a second a starved program is stopped for this share
DEPLOYING = 10.0  # seconds, about

UNLISTED = Figure(
    name="removed_wrongly",
    title="Healthy nodes off the list",
    unit="count",
    explained="Nodes whose web app served all the time, and that a balancer did not list any more.",
)
IDLE = Figure(
    name="idle_wrongly",
    title="Healthy nodes without traffic",
    unit="count",
    explained="The same, with those that were listed but got no requests.",
)
BYSTANDERS = Figure(
    name="bystanders_removed",
    title="Untouched nodes without traffic",
    unit="count",
    explained="Those of them of which no program was frozen or starved: what Lifeguard counts.",
)
SECONDS = Figure(
    name="removed_seconds",
    title="Healthy nodes without traffic, for how long",
    unit="s",
    explained="Seconds × nodes × balancers.",
)
SEATS = Figure(
    name="seats_affected",
    title="Balancers that were without a healthy node",
    unit="count",
)
FALSE_HOLDS = Figure(
    name="guard_false_holds",
    title="Dead nodes that the guard held",
    unit="count",
    explained="Nodes that died while their registrars' silence had the guard hold them.",
)
FALSE_HOLD_SECONDS = Figure(
    name="guard_false_hold_s",
    title="Dead nodes that the guard held, for how long",
    unit="s",
    explained="Seconds × nodes × balancers, from the death on. HAProxy's checks have them down.",
)
RIGHT_HOLDS = Figure(
    name="guard_right_holds",
    title="Healthy nodes that the guard held",
    unit="count",
    better="higher",
    explained="Nodes that the registry did not list any more, and that kept their traffic.",
)
MISSES = Figure(
    name="guard_misses",
    title="Wrong removals that the guard let pass",
    unit="count",
    explained="Healthy nodes that went off the list of a balancer that has a guard.",
)


@dataclass(frozen=True, slots=True)
class HealthyRemoved:
    """A ladder of single registrars, all at once on a node each, then most of them together, the
    registry's servers, and what steers one of two balancers."""

    name: ClassVar[str] = "removals"
    title: ClassVar[str] = "Wrong removals"
    section: ClassVar[Section] = "removals"
    needs: ClassVar[frozenset[Need]] = frozenset()
    figures: ClassVar[tuple[Figure, ...]] = (
        UNLISTED,
        IDLE,
        BYSTANDERS,
        SECONDS,
        SEATS,
        FALSE_HOLDS,
        FALSE_HOLD_SECONDS,
        RIGHT_HOLDS,
        MISSES,
        LOST,
    )
    ladder: tuple[float, ...] = (30.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.1)
    starving: float = 10.0  # seconds, of two more nodes at the same time
    most: float = 15.0
    servers: float = 12.0
    balancer: float = 5.0

    def rounds(self, scale: Scale) -> int:
        return scale.count(1, 0)

    def seconds(self, contender: Contender, scale: Scale) -> float:
        once = max(self.ladder) + self.most + self.servers + self.balancer + DEPLOYING + 15
        again = self.most + DEPLOYING + 5
        return once + (again if contender.family == "lbdisc" else 0)

    def run(self, contender: Contender, sitting: Sitting) -> None:
        names = node_names(sitting.scale.nodes)
        guards = contender.family == "lbdisc"
        with _watched(contender, sitting, names, guard=guards) as tried:
            self._ladder(tried)
            self._servers(tried)
            self._balancer(tried)
            self._most(tried)
        if guards:
            apart = sitting.hosts.folder / "2"
            apart.mkdir()
            again = replace(sitting, hosts=LoopbackHosts(apart))
            with _watched(contender, again, names, guard=False) as tried:
                self._most(tried)

    def _ladder(self, tried: "_Watched") -> None:
        """Each frozen node has a time of its own; they begin together, and so do two starved."""
        registrars = tried.registrars()
        if not registrars:
            return
        slow = list(registrars)[len(self.ladder) : len(self.ladder) + 2]
        alone = dict(zip(registrars, self.ladder, strict=False))
        with tried.rung("registrars", "frozen", len(alone) + len(slow), max(self.ladder)) as rung:
            with ExitStack() as faults:
                for name, seconds in alone.items():
                    faults.enter_context(_frozen_for(registrars[name], seconds))
                with starved(*(registrars[name] for name in slow), share=STARVED):
                    time.sleep(self.starving if slow else 0.0)
                time.sleep(max(0.0, rung.began + max(alone.values()) - time.monotonic()))
            tried.thaw(rung)
        for name, seconds in alone.items():
            tried.count(rung, [name], who="registrars", how="frozen", k=1, seconds=seconds)
        if slow:
            where = {"who": "registrars", "how": "starved", "k": len(slow)}
            tried.count(rung, slow, **where, seconds=self.starving)

    def _most(self, tried: "_Watched") -> None:
        """More than half: what a guard takes for a fault of the registry. Some then die."""
        registrars = tried.registrars()
        if not registrars:
            return
        chosen = list(registrars)[: len(registrars) // 2 + 1]
        with tried.rung("registrars", "frozen", len(chosen), self.most) as rung:
            with frozen(*(registrars[name] for name in chosen)):
                time.sleep(self.most)
                tried.count_holds(rung)
                if tried.guards:
                    tried.let_die(rung, chosen[: len(chosen) // 2])
            tried.thaw(rung)
        tried.count_all(rung, chosen)

    def _servers(self, tried: "_Watched") -> None:
        servers = list(tried.trial.deployment.registry)
        if not servers:
            tried.absent("its registry has no servers that could be frozen", UNLISTED)
            return
        with tried.rung("servers", "frozen", len(servers), self.servers) as rung:
            with frozen(*servers):
                time.sleep(self.servers)
            tried.thaw(rung)
        tried.count_all(rung, [])

    def _balancer(self, tried: "_Watched") -> None:
        """What steers the first of two balancers; the balancer itself where nothing else does."""
        seat = tried.trial.deployment.seats[0]
        parts: Sequence[Part] = seat.steering if isinstance(seat, Steered) else [seat]
        detail = ", ".join(part.name for part in parts)
        with tried.rung("balancer", "frozen", len(parts), self.balancer, detail) as rung:
            with frozen(*parts):
                time.sleep(self.balancer)
            tried.thaw(rung)
        tried.count_all(rung, [])


class _Holds:
    """What a seat's guard holds, as something to be looked at."""

    def __init__(self, seat: Seat, guarded: Guarded) -> None:
        self.name, self._guarded = seat.name, guarded

    def servers(self) -> Mapping[str, ServerState]:
        return dict.fromkeys(self._guarded.held(), "up")


@dataclass(slots=True)
class _Watched:
    """A trial whose guards are looked at as well."""

    trial: Trial
    guard: bool
    guards: Lookout | None

    @property
    def sitting(self) -> Sitting:
        return self.trial.sitting

    def absent(self, why: str, figure: Figure) -> None:
        self.sitting.absent(why, figure)

    def registrars(self) -> dict[str, Part]:
        """Those of nodes that are there, by the nodes' names; says so where there are none."""
        found = {
            name: node.registrar
            for name, node in self.trial.nodes.items()
            if node.registrar is not None and name in self.trial.right
        }
        if not found:
            self.absent("nothing runs on the nodes' hosts that registers them", UNLISTED)
        return found

    @contextmanager
    def rung(
        self, who: Who, how: How, k: int, seconds: float, detail: str = ""
    ) -> Iterator[Window]:
        scene = f"{who} {how}, {k} for {seconds:g} s{'' if self.guard else ', no guard'}"
        where = {"who": who, "how": how, "k": k, "seconds": seconds, "guard": self.guard}
        with self.trial.scene(scene, views=False, **where) as window:
            self.trial.fault(window, who, detail)
            yield window

    def thaw(self, rung: Window) -> None:
        """All go on; look until all are back."""
        self.trial.healed(rung, str(rung.where["who"]))
        if not self.trial.settle():
            self.trial.note(rung, "", f"not all nodes were back after {SETTLING:g} s")

    def count_all(self, rung: Window, touched: Sequence[str]) -> None:
        """What happened to any node in the rung."""
        found = removals(self.trial.spans(rung))
        where = rung.where
        self.sitting.sample(BYSTANDERS, len(found.idle - set(touched)), t=rung.ended, **where)
        self._sample(found, rung, where)
        if self.guards:
            self.sitting.sample(MISSES, len(found.unlisted), t=rung.ended, **where)

    def count(self, rung: Window, names: Sequence[str], **where: Any) -> None:
        """What happened to these alone."""
        facts = [Fact(fact.at, fact.nodes & set(names), fact.seat) for fact in self.trial.facts]
        found = removals(list(spans(self.trial.lookout.sights, facts, rung.began, rung.ended)))
        self._sample(found, rung, {**where, "guard": self.guard})

    def _sample(self, found: Removals, rung: Window, where: Mapping[str, Any]) -> None:
        counted = {
            UNLISTED: len(found.unlisted),
            IDLE: len(found.idle),
            SECONDS: found.seconds,
            SEATS: len(found.seats),
        }
        for figure, value in counted.items():
            self.sitting.sample(figure, value, t=rung.ended, **where)

    def count_holds(self, rung: Window) -> None:
        """Who is held now, and lives."""
        if self.guards:
            held = {name for sight in self.guards.now().values() for name in sight.up}
            living = held & self.trial.right
            self.sitting.sample(RIGHT_HOLDS, len(living), **rung.where)

    def let_die(self, rung: Window, names: Sequence[str]) -> None:
        """kill -9 of nodes that are silent already, until no balancer lists them."""
        assert self.guards is not None
        died = time.monotonic()
        self.trial.now_right(self.trial.right - set(names), at=died)
        whom, detail = ", ".join(names), "kill -9 of the nodes"
        self.sitting.happened("fault", whom, at=died, scene=rung.scene, detail=detail)
        all_at_once([self.trial.nodes[name].kill for name in names])
        end = died + SETTLING
        while time.monotonic() < end and self._listed() & set(names):
            time.sleep(0.1)
        self._count_false_holds(rung, self.guards.sights, frozenset(names), died)

    def _listed(self) -> set[str]:
        return {name for sight in self.trial.lookout.now().values() for name in sight.listed}

    def _count_false_holds(
        self, rung: Window, sights: Sequence[Sight], dead: frozenset[str], died: float
    ) -> None:
        found = list(spans(sights, [], died, time.monotonic()))
        held = {name for span in found for up in span.up.values() for name in up & dead}
        seconds = sum(span.seconds * len(up & dead) for span in found for up in span.up.values())
        self.sitting.sample(FALSE_HOLDS, len(held), **rung.where)
        self.sitting.sample(FALSE_HOLD_SECONDS, seconds, **rung.where)


@contextmanager
def _watched(
    contender: Contender, sitting: Sitting, names: Sequence[str], *, guard: bool
) -> Iterator[_Watched]:
    size = Size(balancers=BALANCERS, guard=guard)
    with trial(contender, sitting, size, names) as tried:
        holds = [_Holds(s, s) for s in tried.deployment.seats if guard and isinstance(s, Guarded)]
        with ExitStack() as stack:
            lookout = stack.enter_context(Lookout(holds)) if holds else None
            yield _Watched(tried, guard, lookout)


@contextmanager
def _frozen_for(part: Part, seconds: float) -> Iterator[None]:
    """Frozen from now on for ``seconds``, or until the block ends."""
    timer = Timer(seconds, part.resume)
    part.pause()
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        part.resume()
