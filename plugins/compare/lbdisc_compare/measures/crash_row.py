"""Nodes crash one after the other, each once the one before is out of rotation."""

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Literal, Self

from lbdisc_compare.contenders.contender import LiveNode, Seat
from lbdisc_compare.hosts.host import HostSet, Separable
from lbdisc_compare.traffic.views import Lookout

How = Literal["killed", "frozen", "cut"]
LOOKS = 50.0  # a second, at the balancer's servers
PATIENCE = 2.0  # seconds: an answer that takes so much longer than it should is lost
UNPROMISED = 10.0  # seconds after which a node stays listed where nothing promises that it goes
WITHIN = 1.5, 4.0  # of the promise, and seconds beyond that
LONGEST = 45.0  # seconds that a node is waited for, whatever is promised


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCrash:
    """When a node crashed, was out of rotation and out of the list, by the monotonic clock.

    ``None`` where that was not within ``waited_for``.
    """

    name: str
    how: How
    seat: str
    at: float
    out: float | None = None
    gone: float | None = None


def waited_for(promised: float | None) -> float:
    """How many seconds a node is waited for at most."""
    factor, more = WITHIN
    return UNPROMISED if promised is None else min(LONGEST, promised * factor + more)


class ClockWatch:
    """What a balancer says of its nodes, all the time."""

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self._lookout = Lookout([seat], LOOKS)

    def out(self, name: str, since: float) -> float | None:
        """When it was first not up, after ``since``."""
        sights = self._lookout.sights
        return next((one.at for one in sights if one.at > since and name not in one.up), None)

    def gone(self, name: str, since: float) -> float | None:
        """When it was out of the list after ``since``."""
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


class CrashRow:
    """Crashes nodes; what is frozen or cut off stays so until ``heal``."""

    def __init__(self, hosts: HostSet, watch: ClockWatch, promised: float | None) -> None:
        self._hosts, self._watch = hosts, watch
        self._limit = waited_for(promised)
        self._frozen: list[LiveNode] = []

    def all(
        self, lives: Iterable[LiveNode], hows: Iterable[How], draw: random.Random
    ) -> list[NodeCrash]:
        """Returns once all are out of rotation and of the list, or were waited for.

        Requests that were on their way to them have been given up by then.
        """
        crashes = []
        for life, how in zip(lives, hows, strict=True):
            time.sleep(draw.random())  # a lease may be fresh or nearly over
            crash = NodeCrash(name=life.name, how=how, seat=self._watch.seat.name, at=_now())
            self._crash(life, how)
            crashes.append(self._until(crash, "out"))
        crashes = [self._until(crash, "gone") for crash in crashes]
        time.sleep(PATIENCE)
        return crashes

    def _crash(self, life: LiveNode, how: How) -> None:
        match how:
            case "killed":
                life.kill()
            case "frozen":
                self._frozen.append(life)
                life.pause()
            case "cut":
                if not isinstance(self._hosts, Separable):
                    raise RuntimeError("nodes can be cut off in networks of their own alone")
                self._hosts.cut(life.host)

    def _until(self, crash: NodeCrash, what: Literal["out", "gone"]) -> NodeCrash:
        look = self._watch.out if what == "out" else self._watch.gone
        while (found := look(crash.name, crash.at)) is None and _now() < crash.at + self._limit:
            time.sleep(1 / LOOKS)
        return replace(crash, out=found) if what == "out" else replace(crash, gone=found)

    def heal(self) -> None:
        """The frozen ones go on, nobody is cut off."""
        for life in self._frozen:
            life.resume()
        if isinstance(self._hosts, Separable):
            self._hosts.heal()


def _now() -> float:
    return time.monotonic()
