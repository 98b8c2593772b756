"""A node that is registered crashes: until its balancer sends it nothing, until it is not listed.

Two clocks: the balancer's checks decide who gets requests, the registry who is listed.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

from lbdisc.testing.waiting import eventually
from lbdisc_compare.contenders.contender import (
    Contender,
    LiveNode,
    Seat,
    Size,
)
from lbdisc_compare.hosts.host import Separable
from lbdisc_compare.measures.measure import Figure, Need, Scale, Section, Sitting
from lbdisc_compare.traffic.asked import SentRequest
from lbdisc_compare.traffic.load import Errand, RunningLoad, load
from lbdisc_compare.traffic.views import Lookout

How = Literal["killed", "frozen", "cut"]
STAY = 8  # nodes beside those that crash, so that no guard takes it for a loss of half of them
APART = 3.0  # seconds from one crash to the next, and up to one more that is drawn
QUICKLY = 1.0  # the same for --quick
RATE = 150.0  # requests a second
LONG = 1.5  # seconds that a long answer takes
LOOKS = 50.0  # a second, at the balancer's servers
BEFORE = 0.5  # seconds of requests before the first crash
PATIENCE = 2.0  # seconds: an answer that takes so much longer than it should is lost
UNPROMISED = 10.0  # seconds after which a node stays listed where nothing promises that it goes
WITHIN = 1.5, 4.0  # of the promise, and seconds beyond that
LONGEST = 45.0  # seconds that a node is waited for, whatever is promised

ROTATION = Figure(
    name="crash_rotation_s",
    title="Crash → the balancer sends it nothing more",
    unit="s",
    explained="A node with its registrar is killed (kill -9), frozen (SIGSTOP) or cut off from all "
    "others. Until the balancer itself says that the node is down, draining or not there: it is "
    f"asked {LOOKS:g} times a second, under {RATE:g} requests a second.",
)
LIST = Figure(
    name="crash_list_s",
    title="Crash → out of the list, by the registry's news",
    unit="s",
    explained="Until the agent has a whole state without the node, by its own event; where its "
    "programs do not tell that, until the balancer has no such server any more. Its condition "
    "`promised` is the most that the way promises: see its formula and source.",
)
LAST_LOST = Figure(
    name="crash_last_lost_s",
    title="Crash → last request that was sent and lost",
    unit="s",
    explained="0 where none was lost. The client repeats nothing; a request is lost when it has no "
    f"whole answer of 2xx {PATIENCE:g} s after it should have.",
)
FAILED = Figure(
    name="crash_failed_requests",
    title="Requests lost by a crash",
    unit="requests",
    explained=f"Of {RATE:g} a second (40 % over new connections, 40 % over kept ones, 15 % POST, "
    f"5 % with an answer that takes {LONG:g} s), to all nodes: of those open at the crash or sent "
    "after it, until the node was out of rotation, the lost ones.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crashes:
    """Nodes crash in turn, each in one of the ways ``hows``."""

    name: str = "crash"
    title: str = "Crash of a node: killed, frozen"
    hows: tuple[How, ...] = ("killed", "frozen")
    needs: frozenset[Need] = frozenset()
    section: Section = "crash"
    figures: tuple[Figure, ...] = (ROTATION, LIST, LAST_LOST, FAILED)

    def rounds(self, scale: Scale) -> int:
        return 0 if scale.quick and self.needs else 1

    def seconds(self, contender: Contender, scale: Scale) -> float:
        crashes = len(self._victims(scale))
        return (
            5.0 + crashes * (1.0 + _apart(scale)) + (contender.promises.crash_bound or UNPROMISED)
        )

    def run(self, contender: Contender, sitting: Sitting) -> None:
        victims = self._victims(sitting.scale)
        with contender.deploy(sitting.hosts, Size()) as deployment:
            seat = deployment.seats[0]
            stay = [f"stay{number}" for number in range(STAY)]
            deployment.serve(*stay)
            deployment.join_all(stay)
            lives = deployment.register_all(list(victims))
            eventually(lambda: _up(seat, [*stay, *victims]), what="all nodes up")
            promised = contender.promises.crash_bound
            with _Watch(seat) as watch, _requests(seat, sitting) as requests:
                crashes = _Crashing(sitting, watch, promised, victims).all(lives)
                lost = [one for one in requests.stop() if _lost(one)]
            for name, at in crashes.items():
                _sample_losses(sitting, victims[name], at, watch.rotation(name, at), lost)

    def _victims(self, scale: Scale) -> Mapping[str, How]:
        """The nodes that crash, in their order, and how."""
        times = scale.count(3, 1)
        return {f"{how}{number}": how for number in range(times) for how in self.hows}


def cut_off() -> Crashes:
    """The same for nodes that nobody reaches and that reach nobody: needs networks of their own."""
    return Crashes(
        name="cut",
        title="Crash of a node: cut off",
        hows=("cut",),
        needs=frozenset({"namespaces"}),
    )


def _apart(scale: Scale) -> float:
    return QUICKLY if scale.quick else APART


def _limit(promised: float | None) -> float:
    """How long a node is waited for at most."""
    factor, more = WITHIN
    return UNPROMISED if promised is None else min(LONGEST, promised * factor + more)


def _up(seat: Seat, names: Iterable[str]) -> bool:
    servers = seat.servers()
    return all(servers.get(name) == "up" for name in names)


@contextmanager
def _requests(seat: Seat, sitting: Sitting) -> Iterator[RunningLoad]:
    where = (seat.name, seat.host.address, seat.port)
    errand = Errand(
        seats=[where], file=str(sitting.hosts.folder / "requests"), rate=RATE, long=LONG
    )
    with load(errand) as running:
        time.sleep(BEFORE)
        yield running


@dataclass(slots=True)
class _Crashing:
    """Crashes one node after the other, and waits until the list has none of them."""

    sitting: Sitting
    watch: "_Watch"
    promised: float | None
    victims: Mapping[str, How]
    crashed: dict[str, float] = field(default_factory=dict)

    def all(self, lives: Sequence[LiveNode]) -> Mapping[str, float]:
        """When each crashed."""
        draw = self.sitting.random
        for life in lives:
            time.sleep(draw.random())  # a lease may be fresh or nearly over
            self._crash(life)
            time.sleep(_apart(self.sitting.scale))
        for life in lives:
            self._sample_clocks(life.name)
        time.sleep(PATIENCE)  # what waits for a frozen node is lost before that goes on
        self._heal(lives)
        return self.crashed

    def _crash(self, life: LiveNode) -> None:
        how = self.victims[life.name]
        self.crashed[life.name] = at = time.monotonic()
        match how:
            case "killed":
                life.kill()
            case "frozen":
                life.pause()
            case "cut":
                self._separable().cut(life.host)
        self.sitting.happened("fault", life.name, at=at, scene=how)

    def _heal(self, lives: Iterable[LiveNode]) -> None:
        for life in lives:
            if self.victims[life.name] == "frozen":
                life.resume()
        if isinstance(self.sitting.hosts, Separable):
            self.sitting.hosts.heal()

    def _separable(self) -> Separable:
        hosts = self.sitting.hosts
        if not isinstance(hosts, Separable):
            raise RuntimeError("nodes can be cut off in networks of their own alone")
        return hosts

    def _sample_clocks(self, name: str) -> None:
        at, how = self.crashed[name], self.victims[name]
        limit = _limit(self.promised)
        gone = self.watch.until_gone(name, at, at + limit)
        where = {"how": how} | ({} if self.promised is None else {"promised": self.promised})
        out = self.watch.rotation(name, at)
        if out is None:
            self.sitting.absent(f"{how}: it was still in rotation after {limit:.0f} s", ROTATION)
        else:
            self.sitting.happened("down", name, at=out, seat=self.watch.seat.name, scene=how)
            self.sitting.sample(ROTATION, out - at, t=out, **where)
        if gone is None:
            self.sitting.absent(f"{how}: it was still listed after {limit:.0f} s", LIST)
        else:
            self.sitting.happened("gone", name, at=gone, seat=self.watch.seat.name, scene=how)
            self.sitting.sample(LIST, gone - at, t=gone, **where)


class _Watch:
    """What a balancer says of some nodes, all the time."""

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self._lookout = Lookout([seat], LOOKS)

    def rotation(self, name: str, since: float) -> float | None:
        """When it was first not up, after ``since``."""
        sights = self._lookout.sights
        return next((one.at for one in sights if one.at > since and name not in one.up), None)

    def until_gone(self, name: str, since: float, ends: float) -> float | None:
        """When it was out of the list after ``since``; ``None`` if it is there at ``ends``."""
        while (found := self._gone(name, since)) is None and time.monotonic() < ends:
            time.sleep(1 / LOOKS)
        return found

    def _gone(self, name: str, since: float) -> float | None:
        read = self.seat.stages(name).get("snapshot", 0.0)
        if read > since:
            return read
        sights = self._lookout.sights
        return next((one.at for one in sights if one.at > since and name not in one.listed), None)

    def __enter__(self) -> Self:
        self._lookout.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lookout.__exit__(kind, error, trace)


def _lost(one: SentRequest) -> bool:
    due = LONG if one.kind == "long" else 0.0
    return one.lost or one.took > due + PATIENCE


def _sample_losses(
    sitting: Sitting, how: How, at: float, out: float | None, lost: Sequence[SentRequest]
) -> None:
    until = at + UNPROMISED if out is None else out
    its = [one for one in lost if one.at <= until and one.ended > at]
    sitting.sample(FAILED, float(len(its)), how=how)
    sitting.sample(
        LAST_LOST, max((one.at - at for one in its if one.at > at), default=0.0), how=how
    )
