"""The end of a registration's traffic: first it drains, and who wants that is waited for."""

import threading
import time
from collections.abc import Callable
from typing import Protocol

from lbdisc import events
from lbdisc.events import Cause
from lbdisc.listening.listeners import Tell
from lbdisc.register.draining import Drain
from lbdisc.register.holding import Holder
from lbdisc.register.standing import Standing
from lbdisc.values import Endpoint

FIRST_LIMIT = 1.5  # seconds for the first answer of a registry; readers may see the entry before
_MOMENT = 0.5  # seconds, in which who waits says itself whom it gave up


class Listen(Protocol):
    """Takes all that comes until ``done`` or for ``limit`` seconds; whether it is done."""

    def __call__(self, done: Callable[[], bool], *, limit: float | None = None) -> bool: ...


class Farewell:
    """Waits no longer than ``timeout`` seconds for each step, and by ``listen`` all the time.

    ``must_go`` cuts everything short, ``over`` says that the draining state cannot be published.
    """

    def __init__(
        self,
        standing: Standing,
        drain: Drain,
        *,
        timeout: float,
        hurry: threading.Event,
        must_go: Callable[[], bool],
        over: Callable[[], bool],
        listen: Listen,
        tell: Tell,
        cause: Cause,
    ) -> None:
        self._standing = standing
        self._drain = drain
        self._timeout = timeout
        self._hurry = hurry
        self._must_go = must_go
        self._over = over
        self._listen = listen
        self._tell = tell
        self._cause = cause

    def finish_traffic(self, holder: Holder) -> None:
        """Say that the endpoint is draining, and wait for those who want to be waited for.

        A registry that is away may be back in time; only then the load balancers can be told.
        """
        standing, whole = self._standing, self._timeout
        self._listen(lambda: standing.answered or self._must_go(), limit=min(FIRST_LIMIT, whole))
        if not standing.listed:
            return
        end = time.monotonic() + whole
        holder.drain()
        if standing.trouble and not self._is_futile():
            self._unsure(f"waiting for the registry, to drain first: {standing.trouble}")
        if not self._listen(lambda: self._is_draining() or self._is_futile(), limit=whole):
            self._unsure(f"the registry did not take the draining state in {whole:g} s")
        elif not self._must_go() and standing.published is not None:
            self._wait_for_drain(standing.published, end)

    def _wait_for_drain(self, endpoint: Endpoint, end: float) -> None:
        arguments = (endpoint, end, self._hurry)
        waiter = threading.Thread(target=self._drain.wait, args=arguments, daemon=True)
        waiter.start()
        # A moment more: at the end the waiter itself says whom it gave up.
        limit = end - time.monotonic() + _MOMENT
        if not self._listen(lambda: not waiter.is_alive() or self._must_go(), limit=limit):
            self._unsure(f"drain_timeout is over: {self._timeout:g} s")

    def _unsure(self, error: str) -> None:
        self._tell(events.DrainUnsure(error=error, cause=self._cause))

    def _is_draining(self) -> bool:
        published = self._standing.published
        return published is not None and published.draining

    def _is_futile(self) -> bool:
        """Whether the draining state need not be published any more, or cannot be."""
        if self._must_go() or self._over():
            return True
        standing = self._standing
        return not standing.listed or (bool(standing.trouble) and standing.hopeless)
