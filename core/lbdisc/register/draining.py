"""An endpoint that stops waits until the load balancers have let go of it."""

import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Protocol

from lbdisc import events
from lbdisc.backoff import Backoff
from lbdisc.errors import LbdiscError, SettingsError
from lbdisc.handshake import Progress, agents, progress
from lbdisc.hooks import Discovery
from lbdisc.listening.repeats import Repeats
from lbdisc.settings.tables import AgentSettings
from lbdisc.values import Endpoint, Snapshot

RETURN = 5.0  # seconds for an agent that is gone to come back: one that was restarted, say
_TICK = 0.05  # seconds between two looks at ``hurry``


class Drain(Protocol):
    """Knows when nobody sends new traffic to an endpoint any more."""

    def wait(self, endpoint: Endpoint, deadline: float, hurry: Event) -> None:
        """Return when the load balancers have let go of ``endpoint``.

        Called once, in a thread of its own, after the registry holds the endpoint as draining.
        Returns at ``deadline`` (of ``time.monotonic``) at the latest, and soon after ``hurry``.
        """


class NoDrain:
    """Nobody acknowledges a drain: there is nothing to wait for."""

    def wait(self, endpoint: Endpoint, deadline: float, hurry: Event) -> None:
        return


class AgentsDrain:
    """Waits for every live agent that balances the service; there may be none.

    ``discovery`` makes what watches the registry, which happens only while something drains.
    """

    def __init__(
        self,
        discovery: Callable[[], Discovery],
        pace: AgentSettings | None = None,
        tell: Callable[[events.Event], None] = lambda event: None,
    ) -> None:
        self._discovery = discovery
        self._tell = tell
        self._pace = pace or AgentSettings()

    def wait(self, endpoint: Endpoint, deadline: float, hurry: Event) -> None:
        news: SimpleQueue[Snapshot | None] = SimpleQueue()
        stop = Event()
        Thread(target=self._watch, args=(news, stop), name="drain", daemon=True).start()
        try:
            self._follow(endpoint, news, deadline, hurry)
        finally:
            stop.set()

    def _follow(
        self,
        endpoint: Endpoint,
        news: "SimpleQueue[Snapshot | None]",
        deadline: float,
        hurry: Event,
    ) -> None:
        watched = _Watched(self._tell)
        while time.monotonic() < deadline and not hurry.is_set() and not watched.over:
            with suppress(Empty):
                snapshot = news.get(timeout=_TICK)
                if snapshot is None:
                    return
                watched.see(progress(endpoint, agents(snapshot)))
        if watched.now is None and not hurry.is_set():
            self._unsure("the registry did not say which load balancers there are")
        if watched.now is not None and watched.over and watched.now.done:
            self._tell(events.DrainDone(by=watched.now.done))

    def _unsure(self, error: str) -> None:
        self._tell(events.DrainUnsure(error=error))

    def _watch(self, news: "SimpleQueue[Snapshot | None]", stop: Event) -> None:
        """Hand over what the registry says; ``None`` when it will not say anything."""

        def publish(snapshot: Snapshot, *, revision: str = "") -> None:
            news.put(snapshot)

        backoff = Backoff(self._pace.retry_first, self._pace.retry_most)
        repeats = Repeats()
        while not stop.is_set():
            try:
                self._discovery().watch(publish, stop)
            except LbdiscError as error:
                if repeats.count("", str(error)) == 1:
                    self._unsure(f"cannot see the load balancers: {error}")
                if isinstance(error, SettingsError):
                    break
            except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code holds up no stop
                self._unsure(f"the discovery plugin failed: {error!r}")
                break
            stop.wait(backoff.next())
        news.put(None)


class _Watched:
    """Who is waited for: all that are listed, and for a while who was and has not let go."""

    def __init__(self, tell: Callable[[events.Event], None]) -> None:
        self._tell = tell
        self.now: Progress | None = None
        self._missing: dict[str, float] = {}  # until when

    def see(self, now: Progress) -> None:
        listed = {*now.done, *now.waiting}
        until = time.monotonic() + RETURN
        missing = dict.fromkeys(self.now.waiting if self.now else (), until) | self._missing
        self._missing = {name: end for name, end in missing.items() if name not in listed}
        if now != self.now and now.waiting:
            self._tell(events.DrainAwaited(waiting=now.waiting, drained=now.done))
        elif now != self.now and self._missing:
            self._tell(events.DrainAwaited(drained=now.done, gone=tuple(sorted(self._missing))))
        self.now = now

    @property
    def over(self) -> bool:
        if self.now is None or self.now.waiting:
            return False
        return all(end <= time.monotonic() for end in self._missing.values())
