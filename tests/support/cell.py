"""One cell of the failure matrix: an agent, a HAProxy and traffic that is counted to the last."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lbdisc.haproxy.errors import HaproxyError
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.processes import accepts
from lbdisc.testing.waiting import eventually
from lbdisc_lab.traffic import Traffic
from support.failure_report import AGREED
from support.listing import Listing
from support.scene import Scene
from support.worlds import LATE, Tables, World

RATE = 100  # requests a second
LOOK = 0.02  # seconds between two looks at HAProxy
HANG = 40.0  # seconds; catches a hang, measures nothing


@dataclass(frozen=True, slots=True)
class _Window:
    """Unix times between which losses count apart, and why."""

    why: str
    start: float
    end: float


class Cell(Scene):
    """A scene over the registry of `world`; what happens to it is measured.

    `seconds` is the time from when the registry's own client beside HAProxy lists a change, or the
    fault ends if that is later, to a HAProxy that says the same; `told` the time that the registry
    took until then. Both are the longest, `None` where no one has looked.
    """

    def __init__(self, folder: Path, world: World, **tables: Any) -> None:
        merged: Tables = {name: dict(table) for name, table in world.tables.items()}
        for name, table in tables.items():
            merged[name] = {**merged.get(name, {}), **table}
        merged["agent"] = {"name": f"agent-{time.monotonic_ns()}", **merged.get("agent", {})}
        super().__init__(folder, **merged)
        self._tables = merged
        self.world = world
        self.seconds: float | None = None
        self.told: float | None = None
        self._listing = Listing(self._listed)
        self.requests = Traffic(self.url, rate=RATE)
        self._windows: list[_Window] = []

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            self._listing.start()
            self.agent()
            self.until_up(*self.world.nodes)
            self.requests.start()
            self.until_served()
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.requests.stop()
        self._listing.stop()
        super().__exit__(kind, error, trace)

    def change_settings(self, **tables: Any) -> None:
        """Write the settings file anew, with these instead of what the tables say."""
        self.write_settings(
            **{
                name: {**self._tables.get(name, {}), **tables.get(name, {})}
                for name in {**self._tables, **tables}
            }
        )

    def until_served(self, more: int = 20, *names: str) -> None:
        """Until so many more requests were served, and some by each of `names`."""
        start = self.requests.counts()

        def done() -> bool:
            since = self.requests.counts().since(start)
            return since.served >= more and set(names) <= set(since.nodes)

        eventually(done, deadline=HANG, what=f"{more} more requests served, by {names or 'any'}")

    @contextmanager
    def apart(self, why: str) -> Iterator[None]:
        """Requests that were open at any time in this block and got lost count apart."""
        start = time.time()
        try:
            yield
        finally:
            self._windows.append(_Window(why, start, time.time()))

    def kill(self, *names: str) -> float:
        """kill -9 these nodes, app and registrar; what is in flight on them may be lost.

        Returns when they were dead.
        """
        with self.apart("in flight on a killed node"):
            for name in names:
                self.world.nodes[name].app.kill()
        for name in names:
            self.world.nodes[name].kill_registrar()
        return time.monotonic()

    def until_restarted(self, before: int) -> None:
        """Until another HAProxy than `before` takes connections."""
        eventually(lambda: self.haproxy_pid() not in (0, before), deadline=HANG, what="a restart")
        eventually(lambda: accepts(self.port), deadline=HANG, what="an open frontend")

    @property
    def lost(self) -> list[str]:
        """The requests that had no right to get lost, with what each met."""
        return [
            f"{loss.reason} after {loss.after:.2f} s"
            for loss in self.requests.lost
            if not self._why_apart(loss.at, loss.at + loss.after)
        ]

    def losses(self) -> list[str]:
        """Stop the traffic; returns the same, now complete."""
        self.requests.stop()
        return self.lost

    @property
    def lost_apart(self) -> dict[str, int]:
        """How many got lost while nothing could serve them, by the reason."""
        reasons = [self._why_apart(loss.at, loss.at + loss.after) for loss in self.requests.lost]
        return dict(Counter(why for why in reasons if why))

    def _why_apart(self, start: float, end: float) -> str:
        found = (w.why for w in self._windows if w.start <= end and start <= w.end)
        return next(found, "")

    def join_late(self) -> float:
        """List the late node; returns when the registry took it."""
        self.world.join_late()
        return time.monotonic()

    def agree(
        self, *names: str, since: float | None = None, held: tuple[str, ...] | None = ()
    ) -> None:
        """Until HAProxy has exactly `names` and what the guard has `held`, `None` for anything.

        `since` is when the change was made or the fault ended, now if unset; the clock starts then,
        or when the registry's own client lists exactly `names`. An agreement that comes later than
        `AGREED` seconds after that is none.
        """
        changed = time.monotonic() if since is None else since
        end = time.monotonic() + HANG
        while True:
            listed = self._listing.since(set(names))
            news = None if listed is None else max(listed, changed)
            if news is not None and self._balances_as(set(names), held):
                break
            if time.monotonic() > (end if news is None else news + AGREED):
                raise AssertionError(
                    f"no agreement on {names} (held {held}): the registry has"
                    f" {self._listing.names}, HAProxy {self._balances()}, status {self.status}"
                )
            time.sleep(LOOK)
        self.seconds = max(self.seconds or 0.0, time.monotonic() - news)
        self.told = max(self.told or 0.0, news - changed)

    def _balances_as(self, names: set[str], held: tuple[str, ...] | None) -> bool:
        ours, kept = self._balances(), self._held()
        return ours == names | kept and (bool(kept) if held is None else kept == set(held))

    def agree_on_late(self, since: float | None = None) -> None:
        """Until the late node is in HAProxy beside the others, and serves."""
        self.agree(*self.world.nodes, LATE, since=since)
        self.until_served(20, LATE)

    def _listed(self) -> set[str]:
        """Who serves, of those that the registry's own client lists: broken records do not."""
        return self.world.listed() & {*self.world.nodes, LATE}

    def _balances(self) -> set[str] | None:
        """The servers that HAProxy itself says it has, but for those in maintenance."""
        with suppress(HaproxyError), Runtime(str(self.state / "haproxy.sock")) as runtime:
            _, states = runtime.observe()
            return {s.server for s in states if s.proxy == "nodes" and not s.in_maintenance}
        return None

    def _held(self) -> set[str]:
        return {entry["name"] for entry in self.status["held"]}

    def until_status(self, wanted: Callable[[dict[str, Any]], object], what: str) -> None:
        """Until the agent says of itself what is `wanted`."""
        eventually(lambda: wanted(self.status), deadline=HANG, what=what)

    def until_registry_is_lost(self) -> None:
        """Until the agent has noticed."""
        self.until_status(lambda status: status["registry"] == "lost", "a lost registry")

    def until_held_beyond_the_clock(self) -> set[str]:
        """Until nothing is listed, and no clock ends what the guard holds; returns the names.

        HAProxy finds them up.
        """
        eventually(lambda: self._listing.names == set(), deadline=HANG, what="nothing listed")

        def kept() -> set[str]:
            asked = self.lbdisc("guard", "--json", name=f"guard-{time.monotonic_ns()}")
            assert asked.wait() == 0
            held = json.loads(asked.log.read_text())["held"]
            clocked = [h for h in held if h["until"] is not None or h["health"] != "up"]
            return set() if clocked else {each["name"] for each in held}

        return eventually(kept, deadline=HANG, every=0.5, what="`loss_hold` to be over")
