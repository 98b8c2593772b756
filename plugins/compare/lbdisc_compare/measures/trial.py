"""A deployment with nodes, under a load, looked at all the time: what faults are tried on."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from lbdisc.errors import LbdiscError
from lbdisc.testing.waiting import eventually
from lbdisc_compare.contenders.contender import Contender, Deployment, LiveNode, Size, Unable
from lbdisc_compare.measures.measure import Figure, Sitting
from lbdisc_compare.traffic.agreement import (
    Fact,
    ViewSpan,
    agreed_after,
    disagreeing,
    missing,
    spans,
    stale,
)
from lbdisc_compare.traffic.asked import (
    SentRequest,
    bursts,
    during,
    lateness,
    losses,
    unsent,
)
from lbdisc_compare.traffic.load import LONG, Errand, RunningLoad, load
from lbdisc_compare.traffic.views import Lookout, turns

BALANCERS = 2
RATE = 200.0  # requests a second, over both balancers
APART = LONG + 0.5  # seconds before a fault, since the load began or the last one ended
STEADY = 2.0  # seconds in which nothing changes any more
SETTLING = 20.0  # seconds at most after the end of a fault
READY = 60.0  # seconds; catches a hang
MOST_LINES = 400  # of a timeline, for each scene
LATE = 0.5  # seconds: a load that was so late says more of the machine than of the way
FAILED = (LbdiscError, RuntimeError, AssertionError, OSError)

LOST = Figure(
    name="lost",
    title="Requests lost",
    unit="requests",
    explained="No whole answer of 2xx; nothing is repeated. By kind of request.",
)
STALE = Figure(
    name="stale_route_s",
    title="Stale routes",
    unit="s",
    explained="Seconds × nodes in which a balancer would send to a node that is gone.",
)
MISSING = Figure(
    name="missing_route_s",
    title="Missing routes",
    unit="s",
    explained="Seconds × nodes in which a balancer does not send to a node that is there.",
)
AGREE = Figure(
    name="agree_s",
    title="Until all agree",
    unit="s",
    explained="From the fault, or its end, until every balancer sends to all that are there and to"
    " nobody else, for good.",
)
DISAGREE = Figure(
    name="disagree_s",
    title="Balancers disagree",
    unit="s",
    explained="Seconds in which two balancers would not send to the same nodes.",
)
FAULT_FIGURES = (LOST, STALE, MISSING, AGREE, DISAGREE)


@dataclass(slots=True, kw_only=True)
class Window:
    """The time of one fault. ``since`` are the moments from which agreement is counted.

    ``where`` goes with all samples; without ``views`` only requests are sampled.
    """

    scene: str
    where: Mapping[str, Any]
    views: bool = True
    began: float
    ended: float = 0.0
    since: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Trial:
    """A deployment under a load. ``nodes`` is empty where a client of the registry placed them."""

    sitting: Sitting
    deployment: Deployment
    names: frozenset[str]
    nodes: Mapping[str, LiveNode]
    lookout: Lookout
    load: RunningLoad
    facts: list[Fact] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.facts.append(Fact(0.0, self.names))

    @contextmanager
    def scene(self, name: str = "", *, views: bool = True, **where: object) -> Iterator[Window]:
        """The time of one fault and its end; what it cost is told when the trial is over."""
        if self.windows:  # what the last fault had begun is answered before the next one
            time.sleep(max(0.0, self.windows[-1].ended + APART - time.monotonic()))
        where = where or ({"scene": name} if name else {})
        window = Window(scene=name, began=time.monotonic(), where=where, views=views)
        yield window
        window.ended = time.monotonic()
        self.windows.append(window)

    def fault(self, window: Window, whom: str, detail: str = "") -> float:
        """The fault begins now."""
        return self._mark(window, "fault", whom, detail)

    def healed(self, window: Window, whom: str, detail: str = "") -> float:
        """The fault is over now."""
        return self._mark(window, "healed", whom, detail)

    def note(self, window: Window, whom: str, detail: str) -> None:
        self.sitting.happened("note", whom, scene=window.scene, detail=detail)

    def _mark(self, window: Window, what: str, whom: str, detail: str) -> float:
        at = window.since[what] = time.monotonic()
        self.sitting.happened(what, whom, at=at, scene=window.scene, detail=detail)
        return at

    @property
    def right(self) -> frozenset[str]:
        """Who is there now."""
        return max((f for f in self.facts if not f.seat), key=lambda fact: fact.at).nodes

    def now_right(self, nodes: frozenset[str], seat: str = "", at: float | None = None) -> None:
        """From now on, or ``at``, these are there."""
        self.facts.append(Fact(time.monotonic() if at is None else at, nodes, seat))

    def swap(self, name: str, *, there: bool, at: float) -> None:
        """Since ``at`` one node is there, or is not; from whatever thread."""

        def swapped(nodes: frozenset[str]) -> frozenset[str]:
            return nodes | {name} if there else nodes - {name}

        with self._lock:
            before = [fact for fact in self.facts if fact.at <= at and not fact.seat]
            last = max(before, key=lambda fact: fact.at)
            later = [f for f in self.facts if f.at > at]
            self.facts = [
                *(fact for fact in self.facts if fact.at <= at),
                Fact(at, swapped(last.nodes)),
                *(replace(fact, nodes=swapped(fact.nodes)) for fact in later),
            ]

    def join(self, window: Window, name: str, *, deadline: float = 15.0) -> bool:
        """A client writes a node, again and again until it was told; whether it was in time."""
        end = time.monotonic() + deadline
        while True:
            began = time.monotonic()
            try:
                self.deployment.join(name)
            except FAILED as error:
                if time.monotonic() > end:
                    self.note(window, name, f"could not be written: {error}"[:200])
                    return False
                time.sleep(0.1)
            else:
                self.swap(name, there=True, at=began)
                self.sitting.happened("joined", name, scene=window.scene)
                return True

    def leave(self, window: Window, name: str) -> None:
        """The client takes it out again."""
        self.swap(name, there=False, at=time.monotonic())
        with suppress(*FAILED):
            self.deployment.leave(name)
        self.sitting.happened("left", name, scene=window.scene)

    def settle(self, deadline: float = SETTLING, *, steady: float = STEADY) -> bool:
        """Wait until every balancer has sent to exactly those that are there for ``steady``
        seconds; whether they did. A check that was under way may take one out late."""
        end = time.monotonic() + deadline
        since = time.monotonic()
        while time.monotonic() < since + steady:
            time.sleep(0.05)
            if not self._settled():
                since = time.monotonic()
                if since > end:
                    return False
        return True

    def _settled(self) -> bool:
        now = self.lookout.now()
        return len(now) == len(self.deployment.seats) and all(
            sight.up == self.right for sight in now.values()
        )

    def spans(self, window: Window) -> list[ViewSpan]:
        """What the balancers believed in the window."""
        return list(spans(self.lookout.sights, self.facts, window.began, window.ended))

    def tell(self) -> None:
        """Stop the load, and sample what each window cost."""
        requests = self.load.stop()
        for window in self.windows:
            self._tell(window, during(requests, window.began, window.ended))
            requests = [one for one in requests if one.at >= window.ended]

    def _tell(self, window: Window, requests: Sequence[SentRequest]) -> None:
        where = window.where
        for kind, (lost, sent) in losses(requests).items():
            self.sitting.sample(LOST, lost, t=window.ended, kind=kind, sent=sent, **where)
        if window.views:
            self._tell_views(window, where)
        self._tell_timeline(window, requests)
        self._tell_doubts(window, requests)

    def _tell_views(self, window: Window, where: Mapping[str, Any]) -> None:
        found = self.spans(window)
        for seat in sorted(seat.name for seat in self.deployment.seats):
            self.sitting.sample(STALE, stale(found, seat), t=window.ended, seat=seat, **where)
            self.sitting.sample(MISSING, missing(found, seat), t=window.ended, seat=seat, **where)
        self.sitting.sample(DISAGREE, disagreeing(found), t=window.ended, **where)
        for since, at in window.since.items():
            agreed = agreed_after([span for span in found if span.ended > at], at)
            if since == "fault" and "healed" in window.since:
                continue  # nobody can agree before the fault is over
            if agreed is None:
                ending = f"within {window.ended - at:.0f} s" + (
                    f" ({window.scene})" if window.scene else ""
                )
                self.sitting.absent(f"the balancers did not agree {ending}", AGREE)
            else:
                self.sitting.sample(AGREE, agreed, t=at + agreed, since=since, **where)

    def _tell_timeline(self, window: Window, requests: Sequence[SentRequest]) -> None:
        seen = [t for t in turns(self.lookout.sights) if window.began <= t.at < window.ended]
        for turn in seen[:MOST_LINES]:
            self.sitting.happened(
                turn.what, turn.name, at=turn.at, seat=turn.seat, scene=window.scene
            )
        lost = bursts(requests)
        for burst in lost[:MOST_LINES]:
            self.sitting.happened(
                "lost", at=burst.at, seat=burst.seat, scene=window.scene, detail=burst.words
            )
        if (more := max(0, len(seen) - MOST_LINES) + max(0, len(lost) - MOST_LINES)) > 0:
            self.sitting.happened("note", scene=window.scene, detail=f"{more} more, not listed")

    def _tell_doubts(self, window: Window, requests: Sequence[SentRequest]) -> None:
        """What speaks against the harness rather than the way."""
        doubts = []
        if (late := lateness(requests)) > LATE:
            doubts.append(f"the load was up to {late:.1f} s late")
        if left_out := unsent(requests):
            doubts.append(
                f"{left_out} requests were not sent: the load was behind, or too many were open"
            )
        for seat, began, ended in self.lookout.silences:
            if window.began <= ended and began < window.ended:
                doubts.append(f"{seat} did not say for {ended - began:.1f} s whom it sends to")
        for doubt in doubts:
            self.sitting.happened("note", at=window.ended, scene=window.scene, detail=doubt)


@contextmanager
def trial(
    contender: Contender,
    sitting: Sitting,
    size: Size,
    names: Sequence[str],
    *,
    possible: Callable[[Deployment], object] = lambda _: None,
) -> Iterator[Trial]:
    """Deployed, all ``names`` up at both balancers, under load. At the end all windows are told,
    also when a later one failed. Raises what ``deploy`` and ``possible`` raise."""
    with contender.deploy(sitting.hosts, size) as deployment:
        possible(deployment)
        nodes = populate(deployment, names)
        with Lookout(deployment.seats) as lookout:
            eventually(
                lambda: (
                    len(now := lookout.now()) == len(deployment.seats)
                    and all(sight.up == set(names) for sight in now.values())
                ),
                deadline=READY,
                what=f"{len(names)} nodes up at {len(deployment.seats)} balancers",
            )
            with load(errand(sitting, deployment)) as running:
                time.sleep(APART)  # as many long answers are under way as ever
                found = Trial(sitting, deployment, frozenset(names), nodes, lookout, running)
                try:
                    yield found
                finally:
                    found.tell()


def errand(sitting: Sitting, deployment: Deployment) -> Errand:
    """The load on all balancers of a deployment."""
    seats = [(seat.name, seat.host.address, seat.port) for seat in deployment.seats]
    file = sitting.hosts.folder / "load.ndjson"
    return Errand(seats=seats, file=str(file), rate=RATE, seed=sitting.seed)


def populate(deployment: Deployment, names: Sequence[str]) -> dict[str, LiveNode]:
    """The nodes as their hosts would have them; as a client writes them where nothing runs there
    (then nothing is returned)."""
    try:
        found = deployment.register_all(names)
    except Unable:
        deployment.serve(*names)
        for name in names:
            deployment.join(name)
        return {}
    return dict(zip(names, found, strict=True))


def node_names(count: int) -> list[str]:
    """The nodes that stay."""
    return [f"n{number}" for number in range(1, count + 1)]


def all_at_once(moves: Sequence[Callable[[], object]]) -> None:
    """Do them side by side, as a fault that hits all of them would. Raises the first error."""
    with ThreadPoolExecutor(max(1, len(moves))) as pool:
        for done in [pool.submit(move) for move in moves]:
            done.result()
