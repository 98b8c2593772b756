"""The drain handshake: an endpoint that stops waits until the load balancers have let go of it.

Each agent announces itself in the registry as an endpoint of the service ``AGENTS``. Its tags say
which services it balances and which draining endpoints its load balancer holds no session for any
more, one short token each. ``lbdisc register`` watches them.
"""

import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Protocol, Self

from lbdisc import events
from lbdisc.backoff import Backoff
from lbdisc.errors import EntryError, LbdiscError, SettingsError
from lbdisc.hooks import Discovery
from lbdisc.listening.repeats import Repeats
from lbdisc.settings.tables import AgentSettings
from lbdisc.values import Endpoint, Snapshot

AGENTS = "_agents"
DRAIN_TAG = "lbdisc.drain"  # on a draining endpoint: tells this drain from an earlier one
SERVICES_TAG, DRAINED_TAG = "services", "drained"  # on an agent
NO_PORT = 1  # an endpoint has a port; nobody listens at an agent's
# A member of Serf has 512 bytes for all its tags: so many tokens and services take 400 of them.
ROOM = 40
SERVICES_ROOM = 128  # characters
_TOKEN = 6  # characters, 36 bits
RETURN = 5.0  # seconds for an agent that is gone to come back: one that was restarted, say
_TICK = 0.05  # seconds between two looks at ``hurry``


def new_drain() -> str:
    """What tells one drain of an endpoint from the next: four characters."""
    return secrets.token_urlsafe(3)


def begun(endpoint: Endpoint, drain: str = "????") -> Endpoint:
    """``endpoint`` as draining, in the drain named ``drain``."""
    drained = endpoint.drain()
    with suppress(EntryError):  # no room for another tag: it has to do without
        drained = replace(drained, tags=(*drained.tags, (DRAIN_TAG, drain)))
    return drained


def token(endpoint: Endpoint) -> str:
    """What stands for this drain of ``endpoint`` in an agent's tags."""
    told = f"{endpoint.service}/{endpoint.name} {endpoint.tag(DRAIN_TAG)}"
    return urlsafe_b64encode(sha256(told.encode()).digest())[:_TOKEN].decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """What an agent says of itself: the ``services`` it balances, and the tokens in ``drained``.

    Empty services stand for any: it did not say.
    """

    name: str
    services: tuple[str, ...] = ()
    drained: tuple[str, ...] = ()

    @classmethod
    def read(cls, endpoint: Endpoint) -> Self:
        services, tokens = endpoint.tag(SERVICES_TAG), endpoint.tag(DRAINED_TAG)
        return cls(
            name=endpoint.name,
            services=tuple(services.split(",")) if services else (),
            drained=tuple(tokens[at : at + _TOKEN] for at in range(0, len(tokens), _TOKEN)),
        )

    def endpoint(self, address: str) -> Endpoint:
        """Its entry in the registry: what fits, the first tokens first."""
        tags = {}
        if drained := "".join(self.drained[:ROOM]):
            tags[DRAINED_TAG] = drained
        services = ",".join(self.services)
        if services and len(services) <= SERVICES_ROOM:
            tags[SERVICES_TAG] = services
        return Endpoint(
            service=AGENTS,
            name=self.name,
            address=address,
            port=NO_PORT,
            tags=tuple(tags.items()),
        )

    def balances(self, service: str) -> bool:
        """Whether it may send traffic to ``service``."""
        return not self.services or service in self.services


def agents(snapshot: Snapshot) -> tuple[Agent, ...]:
    """The agents that live, by name; one that is about to leave does not count."""
    found = (e for e in snapshot.endpoints if e.service == AGENTS and not e.draining)
    return tuple(Agent.read(endpoint) for endpoint in found)


@dataclass(frozen=True, slots=True)
class Progress:
    """The names of the agents that have let go of an endpoint, and of those that have not."""

    done: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


def progress(endpoint: Endpoint, among: Iterable[Agent]) -> Progress:
    """How far the drain of ``endpoint`` is; only agents that balance its service count."""
    concerned = [agent for agent in among if agent.balances(endpoint.service)]
    sign = token(endpoint)
    return Progress(
        done=tuple(agent.name for agent in concerned if sign in agent.drained),
        waiting=tuple(agent.name for agent in concerned if sign not in agent.drained),
    )


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
