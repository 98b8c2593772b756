"""Waiting for load balancers to notice that an endpoint is draining."""

from threading import Event
from typing import Protocol

from lbdisc.values import Endpoint


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
