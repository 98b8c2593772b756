"""What a discovery published, and when."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Condition

from lbdisc.leases import Lease
from lbdisc.testing.waiting import DEADLINE
from lbdisc.values import Endpoint, Snapshot


@dataclass(frozen=True, slots=True)
class Published:
    """A snapshot, when it was published on the monotonic clock, its revision and leases."""

    snapshot: Snapshot
    at: float
    revision: str = ""
    leases: tuple[Lease, ...] = ()


class Recorder:
    """Takes what a discovery publishes, from any thread. Give it as ``publish``.

    ``keep`` limits the history, for tests that publish without end.
    """

    def __init__(self, keep: int | None = None) -> None:
        self._history: deque[Published] = deque(maxlen=keep)
        self._news = Condition()
        self.count = 0

    def __call__(
        self, snapshot: Snapshot, *, revision: str = "", leases: Iterable[Lease] = ()
    ) -> None:
        with self._news:
            self._history.append(Published(snapshot, time.monotonic(), revision, tuple(leases)))
            self.count += 1
            self._news.notify_all()

    @property
    def history(self) -> list[Published]:
        with self._news:
            return list(self._history)

    @property
    def snapshots(self) -> list[Snapshot]:
        return [published.snapshot for published in self.history]

    @property
    def latest(self) -> Snapshot | None:
        """The newest snapshot; ``None`` before the first."""
        with self._news:
            return self._history[-1].snapshot if self._history else None

    def until(
        self, wanted: Callable[[Snapshot], bool], *, deadline: float = DEADLINE, what: str = ""
    ) -> Snapshot:
        """Wait until the newest snapshot is as ``wanted``, and return it.

        Raises ``AssertionError`` with the newest snapshot after ``deadline`` seconds.
        """

        def arrived() -> bool:
            return bool(self._history) and wanted(self._history[-1].snapshot)

        with self._news:
            if self._news.wait_for(arrived, deadline):
                return self._history[-1].snapshot
            newest = self._history[-1].snapshot if self._history else None
        raise AssertionError(f"{what or 'it'} was not published within {deadline} s: {newest}")

    def names(self) -> set[str]:
        """The names in the newest snapshot."""
        latest = self.latest
        return set() if latest is None else {endpoint.name for endpoint in latest.endpoints}

    def states_of(self, endpoint: Endpoint) -> list[str]:
        """What became of ``endpoint``, in order, repeats left out: ready, draining, out."""
        states: list[str] = []
        for snapshot in self.snapshots:
            found = [e.state for e in snapshot.endpoints if e.key == endpoint.key]
            state = found[0] if found else "out"
            if not states or states[-1] != state:
                states.append(state)
        return states

    def leases_of(self, endpoint: Endpoint) -> list[Lease]:
        """What was said of the lease of ``endpoint``'s entry, in order."""
        return [lease for p in self.history for lease in p.leases if lease.key == endpoint.key]
