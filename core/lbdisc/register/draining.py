"""An endpoint that stops waits until the load balancers have let go of it."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Protocol

from lbdisc import events
from lbdisc.abilities import Narrows
from lbdisc.backoff import Backoff
from lbdisc.errors import LbdiscError, SettingsError
from lbdisc.handshake import AGENTS, Progress, agents, leaving, progress
from lbdisc.hooks import Discovery
from lbdisc.listening.repeats import Repeats
from lbdisc.settings.tables import AgentSettings
from lbdisc.values import Endpoint, Snapshot

ANSWER = 0.2  # seconds for an answer of who never gave any: an agent of an older version may
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
    """Waits for every agent that balances the service; there may be none.

    One that vanishes before it has let go is waited for as well: its load balancer may serve on.
    An entry that never answered to anything in the registry is not, see ``Announcement.digest``.
    ``discovery`` makes what watches the registry, which happens only while something drains; of one
    that ``Narrows``, only the agents are read.
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
                heard = _heard(news)
                # Of a storm of news the first and the last tell who was there and who is.
                for part in (heard[:1], heard) if watched.now is None else (heard,):
                    if part[-1] is None:
                        return
                    watched.see(progress(endpoint, agents(part[-1])), _leaving(part))
        if not hurry.is_set():
            self._tell_end(watched)

    def _tell_end(self, watched: "_Watched") -> None:
        now = watched.now
        if now is None:
            self._unsure("the registry did not say which load balancers there are")
            return
        if now.silent:
            self._tell(events.SilentPassedOver(agents=now.silent))
        if watched.awaited:
            gone = watched.gone
            self._tell(events.DrainGivenUp(waiting=now.waiting, gone=gone, drained=now.done))
        elif now.done:
            self._tell(events.DrainDone(by=now.done))

    def _unsure(self, error: str) -> None:
        self._tell(events.DrainUnsure(error=error))

    def _agents_alone(self) -> Discovery:
        discovery = self._discovery()
        return discovery.only(AGENTS) if isinstance(discovery, Narrows) else discovery

    def _watch(self, news: "SimpleQueue[Snapshot | None]", stop: Event) -> None:
        """Hand over what the registry says; ``None`` when it will not say anything."""

        def publish(snapshot: Snapshot, **_said: object) -> None:
            news.put(snapshot)

        backoff = Backoff(self._pace.retry_first, self._pace.retry_most)
        repeats = Repeats()
        while not stop.is_set():
            try:
                self._agents_alone().watch(publish, stop)
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
    """Who is waited for: all that are listed, and who was and has not let go."""

    def __init__(self, tell: Callable[[events.Event], None]) -> None:
        self._tell = tell
        self.now: Progress | None = None
        self.gone: tuple[str, ...] = ()
        self._answered_by = 0.0  # when who never answered is not waited for any more

    def see(self, now: Progress, leaving: frozenset[str]) -> None:
        """Take in what the registry says; who is ``leaving`` takes its load balancer along."""
        if self.now is None:
            self._answered_by = time.monotonic() + ANSWER
        before = (self.now, self.gone)
        missing = {*self.gone, *(self.now.waiting if self.now else ())}
        self.gone = tuple(sorted(missing - {*now.done, *now.waiting} - leaving))
        self.now = now
        if (self.now, self.gone) != before and self.awaited:
            self._tell(
                events.DrainAwaited(
                    waiting=now.waiting, drained=now.done, gone=self.gone, full=now.full
                )
            )

    @property
    def awaited(self) -> bool:
        """Whether one that answered before has not let go."""
        return self.now is not None and bool(self.now.waiting or self.gone)

    @property
    def over(self) -> bool:
        """Whether all have let go that ever answered; for a moment the others count as well."""
        if self.now is None or self.awaited:
            return False
        return not self.now.silent or time.monotonic() >= self._answered_by


def _heard(news: "SimpleQueue[Snapshot | None]") -> list[Snapshot | None]:
    """What has come, the newest last; raises ``Empty`` if nothing does in a moment."""
    heard = [news.get(timeout=_TICK)]
    with suppress(Empty):
        while heard[-1] is not None:
            heard.append(news.get_nowait())
    return heard


def _leaving(heard: Sequence[Snapshot | None]) -> frozenset[str]:
    """Who takes leave in any of ``heard``."""
    return frozenset().union(*(leaving(snapshot) for snapshot in heard if snapshot is not None))
