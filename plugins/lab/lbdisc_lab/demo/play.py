"""Playing the steps: start, stop, and wait until HAProxy's own statistics show it."""

import time
from collections.abc import Callable, Iterator, Mapping

from lbdisc.errors import LbdiscError
from lbdisc_lab import stats
from lbdisc_lab.demo.evidence import STEPS, Seen, Step, listing
from lbdisc_lab.demo.lab import SERVICE, Lab
from lbdisc_lab.demo.screen import Screen, View
from lbdisc_lab.stats import Row, StatsError
from lbdisc_lab.traffic import Counts, Traffic

DEADLINE = 60.0  # seconds that a step may take to be seen; catches hangs
LOOK = 0.05  # seconds between two looks at the statistics
SHOW = 0.25  # seconds between two frames on the screen
HOLD = 1.5  # seconds of traffic that a step gets after it was seen
ENOUGH = 25  # requests that every serving node answers before the next step


class NotSeen(LbdiscError):
    """A step did not show in HAProxy's statistics."""


class Interrupted(Exception):
    """Somebody asked the demo to end."""


class Stop:
    """Whether somebody asked for the end; a flag and no lock, as a signal handler sets it."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self) -> None:
        self.asked = True


class Play:
    """The four steps on ``lab``, with traffic from the moment the balancer is up."""

    def __init__(
        self,
        lab: Lab,
        screen: Screen,
        stop: Stop,
        *,
        rate: float,
        deadline: float = DEADLINE,
        steps: tuple[Step, ...] = STEPS,
    ) -> None:
        self._lab = lab
        self._screen = screen
        self._stop = stop
        self._deadline = deadline
        self._steps = steps
        self._servers: Mapping[str, Row] = {}
        self._stopped: set[str] = set()
        self._shown = 0.0
        self.version = ""
        self.traffic = Traffic(lab.site, rate=rate)
        self._title = ""

    def steps(self) -> Iterator[Seen]:
        """Play step after step. Raises ``NotSeen``, ``LbdiscError`` or ``Interrupted``."""
        return map(self._play, self._steps)

    def _play(self, step: Step) -> Seen:
        self._title = f"step {step.number} of {len(self._steps)}: {step.title}"
        self._screen.say(self._title)
        began, before = time.monotonic(), self.traffic.counts()
        if step.number == 1:
            self._start_balancer()
        for name in step.start:
            self._lab.start_node(name)
        for name in step.stop:
            self._lab.ask_to_stop(name)
        self._stopped |= set(step.stop)
        self._until(
            lambda: self._serves(step), step, f"HAProxy to list {_names(step.serving)} as UP"
        )
        seconds = time.monotonic() - began
        gone = self._wait_for_leave(step, began) if step.stop else None
        held = time.monotonic() + HOLD
        self._until(
            lambda: (
                time.monotonic() > held and self._enough(step, self.traffic.counts().since(before))
            ),
            step,
            f"{ENOUGH} requests at each node",
        )
        seen = Seen(
            step=step,
            seconds=seconds,
            gone=gone,
            servers=self._servers,
            counts=self.traffic.counts().since(before),
            generation=self._lab.generation(),
        )
        self._screen.seen(seen)
        return seen

    def _start_balancer(self) -> None:
        self._lab.start_agent()
        end = time.monotonic() + self._deadline
        while not self._look():
            self._pause(end, "HAProxy did not start")
        self.version = stats.version(self._lab.socket)
        self.traffic.start()

    def _serves(self, step: Step) -> bool:
        up = {name for name, row in self._servers.items() if row.up}
        return up == set(step.serving)

    def _wait_for_leave(self, step: Step, began: float) -> float:
        """Wait until nodes that stopped are in no list and their processes have ended."""
        stopped = self._stopped
        self._until(
            lambda: not stopped & set(self._servers), step, f"HAProxy to forget {_names(step.stop)}"
        )
        gone = time.monotonic() - began
        self._until(
            lambda: all(map(self._lab.has_stopped, stopped)),
            step,
            f"the end of {_names(step.stop)}",
        )
        return gone

    def _enough(self, step: Step, counts: Counts) -> bool:
        """Whether all that should serve did so, or nobody yet."""
        if not step.serving:
            return counts.no_node_yet + counts.lost >= ENOUGH
        return all(counts.nodes.get(name, 0) >= ENOUGH for name in step.serving)

    def _until(self, true: Callable[[], bool], step: Step, what: str) -> None:
        end = time.monotonic() + self._deadline
        while not (self._look() and true()):
            self._pause(
                end,
                f"step {step.number} was not seen: waited for {what}; "
                f"listed: {listing(self._servers)}",
            )

    def _look(self) -> bool:
        """Read the statistics; returns whether they could be read."""
        self._lab.check()
        try:
            self._servers = stats.servers(stats.read(self._lab.socket), SERVICE)
        except StatsError:
            return False
        return True

    def _pause(self, end: float, otherwise: str) -> None:
        """A moment until the next look. Raises what ends the play."""
        if self._stop.asked:
            raise Interrupted
        if time.monotonic() > end:
            raise NotSeen(f"{otherwise}, for {self._deadline:g} s")
        for name in self._lab.nodes - self._stopped:
            self._lab.check_node(name)
        if time.monotonic() - self._shown > SHOW:
            self._shown = time.monotonic()
            self._screen.show(self.view())
        time.sleep(LOOK)

    def view(self) -> View:
        """What there is to see now."""
        return View(
            title=self._title,
            servers=self._servers,
            counts=self.traffic.counts(),
            generation=self._lab.generation(),
        )

    def go_on(self) -> None:
        """Keep nodes and traffic until somebody asks to end. Raises ``LbdiscError``."""
        self._title = "until Ctrl-C"
        while not self._stop.asked:
            self._look()
            self._screen.show(self.view())
            time.sleep(SHOW)


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nobody"
