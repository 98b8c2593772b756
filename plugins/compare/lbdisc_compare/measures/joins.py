"""A node joins, changes its weight and leaves: from the write to the registry to the requests."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from lbdisc_compare.contenders.contender import Contender, Deployment, Seat, Size, Unable
from lbdisc_compare.measures.measure import Figure, Need, Scale, Section, Sitting
from lbdisc_compare.traffic.reader import AnswerReader, NeverSeen
from lbdisc_compare.traffic.sightings import Sighting, fades, first, last, rises

STAY = "stay"
REST = 0.25  # seconds between two changes, so that each is measured by itself
BUDGET = 15, 10  # seconds of a full or quick cell after which none joins: some ways are slow
TOLD = 1.0  # seconds in which a balancer tells what it did
WEIGHTS = 100, 1  # before and after the change
EVERY = 0.005  # seconds

HOW = (
    "Requests follow one another without pause, each over a new connection, from a process of its "
    "own, to a balancer with one other node, so that every second one is the new node's. Nothing "
    "finer is seen than two times reader_interval. Between the changes 100 requests a second go "
    "on. The clock starts as another client begins to write to the registry. "
)
WRITTEN = Figure(
    name="join_written",
    title="Join: write → the registry has said yes",
    unit="ms",
    explained="From the client's first step until the registry has confirmed: part of the others.",
)
SNAPSHOT = Figure(
    name="join_snapshot",
    title="Join: write → the agent has it",
    unit="ms",
    explained="Until the agent holds a whole state with the node in it, by its own event. Ways "
    "whose programs do not tell that are absent.",
)
APPLIED = Figure(
    name="join_applied",
    title="Join: write → the agent has seen it in the balancer",
    unit="ms",
    explained="Until the agent says that the balancer runs with the node. lbdisc says so once it "
    "has read that back from HAProxy: the first request may be served before.",
)
SERVED = Figure(
    name="join_served",
    title="Join: write → first request served",
    unit="ms",
    explained=f"{HOW}Until the first answer of the new node has come in whole.",
)
LEFT = Figure(
    name="leave_last",
    title="Leave: write → last request",
    unit="ms",
    explained=f"{HOW}Until the moment at which the node's next request was due, and went to the "
    "other node, as did the 200 that followed. It leaves as this way's own programs would, with "
    "what they do to drain it.",
)
WEIGHT = Figure(
    name="weight_effect",
    title="Weight change: write → last request of the old share",
    unit="ms",
    explained=f"{HOW}The node's weight goes from {WEIGHTS[0]} to {WEIGHTS[1]} beside one of 100, "
    "its share from a half to one request of 101: until the moment at which its next request was "
    "due, and 25 in a row went to the other.",
)
INTERVAL = Figure(
    name="reader_interval",
    title="Resolution: from one request of the reader to the next",
    unit="ms",
    better="none",
    explained="The mean while it looked for one join: the harness sees nothing finer.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Joins:
    """``full`` or ``quick`` joins of a cell; each node's name and place were never there before."""

    full: int = 12
    quick: int = 10
    name: str = "join"
    title: str = "Join, weight change and leave"
    section: Section = "latency"
    figures: tuple[Figure, ...] = (SERVED, WRITTEN, SNAPSHOT, APPLIED, LEFT, WEIGHT, INTERVAL)
    needs: frozenset[Need] = frozenset()

    def rounds(self, scale: Scale) -> int:
        return scale.count(2, 1)

    def seconds(self, contender: Contender, scale: Scale) -> float:
        return 3.0 + scale.count(self.full, self.quick) * (2 * REST + 0.4)

    def run(self, contender: Contender, sitting: Sitting) -> None:
        names = [f"j{number}" for number in range(sitting.scale.count(self.full, self.quick))]
        with contender.deploy(sitting.hosts, Size()) as deployment:
            seat = deployment.seats[0]
            deployment.serve(STAY, *names)
            with AnswerReader(seat.host.address, seat.port) as reader:
                deployment.join(STAY)
                reader.until(first(STAY))
                _Turns(sitting, deployment, seat, reader).all(names)


@dataclass(slots=True)
class _Turns:
    """The joins of a cell, one after the other."""

    sitting: Sitting
    deployment: Deployment
    seat: Seat
    reader: AnswerReader
    silent: set[Figure] = field(default_factory=set)  # what this way does not tell, or cannot do

    def all(self, names: Sequence[str]) -> None:
        budget = self.sitting.scale.count(*BUDGET)
        ends = time.monotonic() + budget
        for number, name in enumerate(names):
            if time.monotonic() > ends:
                words = f"{number} of {len(names)} joins: {budget} s were over"
                self.sitting.happened("note", detail=words)
                return
            self._join(name)
            if number % 2 == 0 and WEIGHT not in self.silent:  # each takes two changes
                self._weigh(name)
            self._leave(name)

    def _join(self, name: str) -> None:
        written: list[float] = []

        def join() -> None:
            self.deployment.join(name)
            written.append(time.monotonic())

        began = self._change(SERVED, first(name), join)
        if began is None:
            return
        self._sample(WRITTEN, written[0] - began)
        for figure, stage in ((SNAPSHOT, "snapshot"), (APPLIED, "applied")):
            if figure in self.silent:
                continue
            moment = told(self.seat, name, stage, since=began)
            if moment is None:
                self._cannot(figure, "this way's programs do not tell when that was")
            else:
                self._sample(figure, moment - began)

    def _weigh(self, name: str) -> None:
        before, after = WEIGHTS
        try:
            self._change(WEIGHT, fades(name), partial(self.deployment.weigh, name, after))
            self.reader.took(rises(name), partial(self.deployment.weigh, name, before))
        except Unable as error:
            self._cannot(WEIGHT, str(error))
        except NeverSeen as error:
            self._cannot(WEIGHT, f"the weight did not come back: {error}")

    def _leave(self, name: str) -> None:
        self._change(LEFT, last(name), partial(self.deployment.leave, name))

    def _change(self, figure: Figure, sought: Sighting, change: Callable[[], None]) -> float | None:
        """One change, sampled; when it began, ``None`` where it was not seen in time."""
        time.sleep(REST)
        try:
            began, seen = self.reader.took(sought, change)
        except NeverSeen as error:
            self.sitting.absent(str(error), figure)
            return None
        self._sample(figure, seen.at - began)
        if figure is SERVED:
            self._sample(INTERVAL, seen.every)
        return began

    def _cannot(self, figure: Figure, why: str) -> None:
        self.silent.add(figure)
        self.sitting.absent(why, figure)

    def _sample(self, figure: Figure, seconds: float) -> None:
        self.sitting.sample(figure, seconds * 1000)


def told(seat: Seat, name: str, stage: str, *, since: float, within: float = TOLD) -> float | None:
    """When the newest change of the node came to ``stage``, where that is after ``since``."""
    ends = time.monotonic() + within
    while (moment := seat.stages(name).get(stage, 0.0)) <= since:
        if time.monotonic() > ends:
            return None
        time.sleep(EVERY)
    return moment
