"""A node that is registered crashes: until its balancer sends it nothing, until it is not listed.

Two clocks: the balancer's checks decide who gets requests, the registry who is listed.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from lbdisc.testing.waiting import eventually
from lbdisc_compare.contenders.contender import Contender, Seat, Size
from lbdisc_compare.measures.crash_row import (
    LOOKS,
    PATIENCE,
    UNPROMISED,
    ClockWatch,
    CrashRow,
    How,
    NodeCrash,
    waited_for,
)
from lbdisc_compare.measures.measure import Figure, Need, Scale, Section, Sitting
from lbdisc_compare.traffic.asked import SentRequest
from lbdisc_compare.traffic.load import Errand, RunningLoad, load

STAY = 8  # nodes beside those that crash, so that no guard takes it for a loss of half of them
RATE = 150.0  # requests a second
LONG = 1.5  # seconds that a long answer takes
BEFORE = 0.5  # seconds of requests before the first crash
ROTATES: Mapping[How, float] = {"killed": 1.5, "frozen": 7.5, "cut": 5.0}  # seconds, about

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
        rotation = sum(ROTATES[how] for how in self._victims(scale).values())
        return 6.0 + rotation + 0.8 * waited_for(contender.promises.crash_bound)

    def run(self, contender: Contender, sitting: Sitting) -> None:
        victims = self._victims(sitting.scale)
        with contender.deploy(sitting.hosts, Size()) as deployment:
            seat = deployment.seats[0]
            stay = [f"stay{number}" for number in range(STAY)]
            deployment.serve(*stay)
            deployment.join_all(stay)
            lives = deployment.register_all(list(victims))
            eventually(lambda: _up(seat, [*stay, *victims]), deadline=60, what="all nodes up")
            with ClockWatch(seat) as watch, _requests(seat, sitting) as requests:
                row = CrashRow(sitting.hosts, watch, contender.promises.crash_bound)
                crashes = row.all(lives, victims.values(), sitting.random)
                _sample_clocks(sitting, crashes, contender.promises.crash_bound)
                _sample_losses(sitting, crashes, requests.stop())
                row.heal()

    def _victims(self, scale: Scale) -> Mapping[str, How]:
        """The nodes that crash, in their order, and how."""
        hows = self.hows[:1] if scale.quick else self.hows
        return {f"{how}{number}": how for how in hows for number in range(scale.count(3, 1))}


def cut_off() -> Crashes:
    """The same for nodes that nobody reaches and that reach nobody: needs networks of their own."""
    return Crashes(
        name="cut",
        title="Crash of a node: cut off",
        hows=("cut",),
        needs=frozenset({"namespaces"}),
    )


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


def _sample_clocks(sitting: Sitting, crashes: Sequence[NodeCrash], promised: float | None) -> None:
    limit = waited_for(promised)
    late: Counter[tuple[How, Figure]] = Counter()
    for one in crashes:
        where = {"how": one.how} | ({} if promised is None else {"promised": promised})
        sitting.happened("fault", one.name, at=one.at, scene=one.how)
        for figure, moment, what in ((ROTATION, one.out, "down"), (LIST, one.gone, "gone")):
            if moment is None:
                late[one.how, figure] += 1
                continue
            sitting.happened(what, one.name, at=moment, seat=one.seat, scene=one.how)
            sitting.sample(figure, moment - one.at, t=moment, **where)
    for (how, figure), count in late.items():
        still = "in rotation" if figure is ROTATION else "listed"
        of = sum(one.how == how for one in crashes)
        sitting.absent(f"{count} of {of} {how}: still {still} after {limit:.0f} s", figure)


def _sample_losses(
    sitting: Sitting, crashes: Sequence[NodeCrash], requests: Sequence[SentRequest]
) -> None:
    """Each lost request is of the first crash that it can be of."""
    lost = [one for one in requests if _lost(one)]
    for crash in crashes:
        until = crash.at + UNPROMISED if crash.out is None else crash.out
        its = [one for one in lost if one.at <= until and one.ended > crash.at]
        lost = [one for one in lost if one.at > until]
        last = max((one.at - crash.at for one in its), default=0.0)
        sitting.sample(FAILED, float(len(its)), how=crash.how)
        sitting.sample(LAST_LOST, max(0.0, last), how=crash.how)


def _lost(one: SentRequest) -> bool:
    due = LONG if one.kind == "long" else 0.0
    return one.lost or one.took > due + PATIENCE
