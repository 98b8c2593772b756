"""When the agent tells the others what it lists: seldom, however often that changes."""

import time
from collections.abc import Callable
from contextlib import suppress
from random import random

from lbdisc import __version__, fleet
from lbdisc.abilities import Compares
from lbdisc.errors import RenderError
from lbdisc.fleet import Digest
from lbdisc.generation import Generation
from lbdisc.hooks import Renderer
from lbdisc.settings.tables import CoreSettings

SETTLE = 2.0  # seconds until a change is told, and up to so many more, not all at the same moment
PACE = 10.0  # seconds between two that are told: each agent in the registry hears of them


def fingerprint(settings: CoreSettings, renderer: Renderer) -> str:
    """What stands for the settings in which no two agents of a fleet should differ.

    Names, addresses and the template's variables are each host's own; no secret is in it.
    """
    rules = [str(settings.guard), str(settings.endpoints)]
    own = ""
    if isinstance(renderer, Compares):
        with suppress(RenderError):  # what it renders is told by rendering
            own = renderer.fingerprint()
    return fleet.digest_of([settings.backend, settings.renderer, settings.reloader, *rules, own])


class Digesting:
    """Makes a digest of what runs; ``clock`` is for the pace, ``wall`` for people and others."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._wall = wall
        self._seen: tuple[Generation, str] | None = None
        self._due: float | None = None
        self._since = 0
        self._last = float("-inf")
        self._said: Digest | None = None

    def look(self, running: Generation, settings: str) -> Digest | None:
        """The digest of what ``running`` lists, if it is another and time to tell it."""
        now = self._clock()
        if self._seen is None or self._seen[0] is not running or self._seen[1] != settings:
            self._seen = running, settings
            if self._due is None:
                self._since = int(self._wall())
                self._due = max(now + SETTLE + SETTLE * random(), self._last + PACE)
        if self._due is None or (self._said is not None and now < self._due):
            return None
        self._due, self._last = None, now
        found = Digest(
            listed=fleet.listed(running.snapshot),
            settings=settings,
            version=fleet.short(__version__),
            since=self._since,
        )
        if self._said is not None and _same(found, self._said):
            return None
        self._said = found
        return found


def _same(one: Digest, other: Digest) -> bool:
    return (one.listed, one.settings, one.version) == (other.listed, other.settings, other.version)
