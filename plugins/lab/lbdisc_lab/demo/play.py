"""Playing the steps: start, stop, and wait until HAProxy's own statistics show it."""

import time
from collections.abc import Callable, Iterator, Mapping

from lbdisc.errors import LbdiscError
from lbdisc_lab import stats
from lbdisc_lab.demo.evidence import STEPS, Seen, Step, explain, listing
from lbdisc_lab.demo.lab import SERVICE, Lab
from lbdisc_lab.demo.screen import Moment, Screen
from lbdisc_lab.stats import Row, StatsError
from lbdisc_lab.traffic import Counts, Traffic

DEADLINE = 60.0  # seconds that a step may take to be seen; catches hangs
LOOK = 0.05  # seconds between two looks at the statistics
SHOW = 0.25  # seconds between two frames on the screen
HOLD = 1.5  # seconds of traffic that a step gets after it was seen
ENOUGH = 25  # requests that every serving node answers before the next step


class NotSeen(LbdiscError):
    """A step did not show in HAProxy's statistics."""


class Cancelled(Exception):
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
        self._told = 0
        self.version = ""
        self.traffic = Traffic(lab.site, rate=rate)
        self._step = steps[0]
        self._title = ""

    def steps(self) -> Iterator[Seen]:
        """Play step after step. Raises ``NotSeen``, ``LbdiscError`` or ``Cancelled``."""
        return map(self._play, self._steps)

    def _play(self, step: Step) -> Seen:
        self._step = step
        self._title = f"step {step.number} of {len(self._steps)}: {step.title}"
        self._screen.begin(self._title)
        began, before = time.monotonic(), self.traffic.counts()
        self._act(step)
        self._until(lambda: self._serves(step), f"HAProxy to list {_names(step.serving)} as UP")
        seconds = time.monotonic() - began
        gone = self._wait_for_leave(step, began) if step.stop else None
        self._wait_for_traffic(step, before)
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

    def _act(self, step: Step) -> None:
        if step.number == 1:
            self._start_balancer()
        for name in step.start:
            self._lab.start_node(name)
        for name in step.stop:
            self._lab.ask_to_stop(name)
        self._stopped |= set(step.stop)

    def _start_balancer(self) -> None:
        self._lab.start_agent()
        self._until(lambda: True, "HAProxy to start")
        self.version = stats.version(self._lab.socket)
        self.traffic.start()

    def _serves(self, step: Step) -> bool:
        return {name for name, row in self._servers.items() if row.up} == set(step.serving)

    def _wait_for_leave(self, step: Step, began: float) -> float:
        """Wait until the stopped are listed no more and have ended; returns the seconds listed."""
        names = _names(step.stop)
        self._until(lambda: not self._stopped & set(self._servers), f"HAProxy to forget {names}")
        gone = time.monotonic() - began
        self._until(lambda: all(map(self._lab.has_stopped, step.stop)), f"the end of {names}")
        return gone

    def _wait_for_traffic(self, step: Step, before: Counts) -> None:
        """Wait until all that should serve did so, or nobody yet, and for some time."""
        held = time.monotonic() + HOLD

        def enough() -> bool:
            counts = self.traffic.counts().since(before)
            if not step.serving:
                return counts.no_node_yet + counts.lost >= ENOUGH
            return all(counts.nodes.get(name, 0) >= ENOUGH for name in step.serving)

        self._until(lambda: time.monotonic() > held and enough(), f"{ENOUGH} requests to each node")

    def _until(self, true: Callable[[], bool], what: str) -> None:
        """Look at the statistics until ``true``. Raises what ends the play."""
        end = time.monotonic() + self._deadline
        while not (self._look() and true()):
            if self._stop.asked:
                raise Cancelled
            if time.monotonic() > end:
                raise NotSeen(
                    f"step {self._step.number} was not seen within {self._deadline:g} s: waited "
                    f"for {what}; HAProxy lists {listing(self._servers)}"
                )
            for name in self._lab.nodes - self._stopped:
                self._lab.check_node(name)
            if time.monotonic() - self._shown > SHOW:
                self._show()
            time.sleep(LOOK)

    def _look(self) -> bool:
        """Read the statistics; returns whether they could be read."""
        self._lab.check()
        try:
            servers = stats.servers(stats.read(self._lab.socket), SERVICE)
            self._servers = dict(sorted(servers.items()))
        except StatsError:
            return False
        return True

    def _show(self) -> None:
        self._shown = time.monotonic()
        losses = self.traffic.lost[self._told :]
        if losses:
            self._told += len(losses)
            clock = time.strftime("%H:%M:%S", time.localtime(losses[0].at))
            self._screen.say(f"  {clock} {explain(losses, len(losses))}")
        self._screen.show(
            Moment(
                title=self._title,
                servers=self._servers,
                counts=self.traffic.counts(),
                generation=self._lab.generation(),
            )
        )

    def go_on(self) -> None:
        """Keep nodes and traffic until somebody asks to end. Raises ``LbdiscError``."""
        self._title = "until Ctrl-C"
        while not self._stop.asked:
            self._look()
            self._show()
            time.sleep(SHOW)


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nobody"
