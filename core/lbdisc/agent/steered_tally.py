"""What operators have ordered, as ``lbdisc status`` shows it."""

from collections.abc import Mapping
from functools import singledispatchmethod
from typing import Any

from lbdisc import events
from lbdisc.times import stamp


class SteeredTally:
    """Made of events; ``waits`` is what a pause keeps from being applied, and ``unlisted`` are
    those of the overruled that the registry does not list.
    """

    def __init__(self) -> None:
        self._paused: dict[str, Any] | None = None
        self._pinned: dict[str, Any] | None = None
        self._drifted: str | None = None  # what a pause keeps from being repaired
        self._overruled: dict[tuple[str, str], dict[str, Any]] = {}
        self.waits: Mapping[str, Any] | None = None
        self.unlisted: frozenset[tuple[str, str]] = frozenset()

    @property
    def found(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "paused": self._paused
            and {**self._paused, "waits": self.waits, "drifted": self._drifted},
            "pinned": self._pinned,
            "overruled": [
                {**one, "listed": key not in self.unlisted}
                for key, one in sorted(self._overruled.items())
            ],
        }

    @singledispatchmethod
    def take(self, event: events.Event) -> None:
        """Most events change nothing here."""

    @take.register
    def _(self, event: events.ApplyingPaused) -> None:
        self._paused = _terms(event)

    @take.register
    def _(self, event: events.ApplyingResumed) -> None:
        self._paused = self._pinned = self._drifted = None

    @take.register
    def _(self, event: events.Drifted) -> None:
        self._drifted = None if event.repaired else event.found

    @take.register
    def _(self, _event: events.DriftOver | events.GenerationApplied) -> None:
        self._drifted = None

    @take.register
    def _(self, event: events.GenerationPinned) -> None:
        its = {"generation": event.pinned, "digest": event.digest}
        self._paused, self._pinned = None, {**its, **_terms(event)}
        del self._pinned["until"]

    @take.register
    def _(self, event: events.EndpointOverruled) -> None:
        its = {"service": event.service, "name": event.endpoint, "how": event.how}
        key = event.service, event.endpoint
        self._overruled[key] = {**its, "weight": event.weight, **_terms(event)}

    @take.register
    def _(self, event: events.OverrulingEnded) -> None:
        self._overruled.pop((event.service, event.endpoint), None)


def _terms(
    event: events.ApplyingPaused | events.GenerationPinned | events.EndpointOverruled,
) -> dict[str, Any]:
    until_s = None if isinstance(event, events.GenerationPinned) else event.until_s
    return {
        "by": event.by,
        "why": event.why,
        "since": stamp(event.unix_s if event.since_s is None else event.since_s),
        "until": None if until_s is None else stamp(until_s),
    }
