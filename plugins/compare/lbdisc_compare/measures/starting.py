"""A balancer starts beside a registry that already has nodes: few that serve, or very many."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from lbdisc.errors import LbdiscError
from lbdisc_compare.contenders.contender import Contender, Seat, Size
from lbdisc_compare.measures.measure import Figure, Need, Scale, Section, Sitting
from lbdisc_compare.traffic.reader import AnswerReader
from lbdisc_compare.traffic.sightings import first

LIMIT = 60.0  # seconds
LATE = Size(balancers=0)
UNSERVED = Size(balancers=0, checks=False)
EVERY = 0.02  # seconds
SERVERS_EVERY = 0.2  # seconds: a list of 10,000 takes the balancer a while

START = Figure(
    name="start_served",
    title="Start of the agent → first request served",
    unit="s",
    explained="The registry has the nodes already; the agent and its balancer start with empty "
    "folders. Requests begin before that, each 2 ms after one that was refused, from a process of "
    "its own: until the first answer of any node has come in whole.",
)
READ = Figure(
    name="full_read",
    title="Start of the agent → it has read all entries",
    unit="s",
    explained="Until the agent holds a whole state with all entries, by its own event. Ways whose "
    "programs do not tell that are absent.",
)
LISTED = Figure(
    name="full_listed",
    title="Start of the agent → the balancer has all entries",
    unit="s",
    explained="The entries are written before the start; nobody serves them, and the balancer "
    "checks none. Until the agent says that the balancer runs with them; where it tells nothing, "
    "until the balancer's own list has them all, which is asked for every 0.2 s.",
)


class Starting:
    """``start``: each time a balancer that was never there before, beside nodes that serve."""

    name = "start"
    title = "Start beside nodes that serve"
    section: Section = "latency"
    figures = (START,)
    needs: frozenset[Need] = frozenset()

    def rounds(self, scale: Scale) -> int:
        return 1

    def seconds(self, contender: Contender, scale: Scale) -> float:
        return 2.0 + scale.count(5, 3) * 0.7

    def run(self, contender: Contender, sitting: Sitting) -> None:
        names = [f"s{number}" for number in range(sitting.scale.nodes)]
        with contender.deploy(sitting.hosts, LATE) as deployment:
            deployment.serve(*names)
            deployment.join_all(names)
            for _ in range(sitting.scale.count(5, 3)):
                seat = deployment.add_seat()
                with AnswerReader(seat.host.address, seat.port) as reader:
                    began, seen = reader.took(first(), seat.start, LIMIT)
                seat.kill()
                sitting.sample(START, seen.at - began, nodes=len(names))


@dataclass(frozen=True, slots=True, kw_only=True)
class FullRead:
    """The same beside so many ``entries`` that nobody serves."""

    entries: int
    times: int
    quickly: int  # times in a quick run; 0 leaves it out
    section: Section = "latency"
    figures: tuple[Figure, ...] = (LISTED, READ)
    needs: frozenset[Need] = frozenset()

    @property
    def name(self) -> str:
        return f"full-{self.entries}"

    @property
    def title(self) -> str:
        return f"Start beside {self.entries:,} entries"

    def rounds(self, scale: Scale) -> int:
        return min(1, self._times(scale))

    def seconds(self, contender: Contender, scale: Scale) -> float:
        return 2.0 + self._times(scale) * (1.0 + self.entries / 2000)

    def _times(self, scale: Scale) -> int:
        return scale.count(self.times, self.quickly)

    def run(self, contender: Contender, sitting: Sitting) -> None:
        names = [f"e{number:05}" for number in range(self.entries)]
        with contender.deploy(sitting.hosts, UNSERVED) as deployment:
            deployment.join_all(names)
            for _ in range(self._times(sitting.scale)):
                self._start(deployment.add_seat(), names[0], sitting)

    def _start(self, seat: Seat, name: str, sitting: Sitting) -> None:
        began = time.monotonic()
        with ThreadPoolExecutor(1) as beside:
            starting = beside.submit(seat.start)
            listed = _until_listed(seat, name, self.entries, starting) - began
            starting.result()
        read = seat.stages(name).get("snapshot")
        seat.kill()
        sitting.sample(LISTED, listed, entries=self.entries)
        if read is None:
            sitting.absent("this way's programs do not tell when that was", READ)
        else:
            sitting.sample(READ, read - began, entries=self.entries)


def _until_listed(seat: Seat, name: str, entries: int, starting: Future[None]) -> float:
    """When the balancer had all. Raises ``RuntimeError`` where that is not in time."""
    ends, asked = time.monotonic() + LIMIT, 0.0
    while (now := time.monotonic()) < ends:
        if starting.done():
            starting.result()
        told = seat.stages(name).get("applied")
        if told is not None or now > asked + SERVERS_EVERY:
            if _listed(seat) >= entries:
                return told or time.monotonic()
            asked = time.monotonic()
        time.sleep(EVERY)
    raise RuntimeError(f"the balancer has {_listed(seat)} of {entries} after {LIMIT:g} s")


def _listed(seat: Seat) -> int:
    """How many the balancer has; none while it does not answer."""
    with suppress(OSError, LbdiscError):
        return len(seat.servers())
    return 0
