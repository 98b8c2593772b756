"""Whom and what it concerns, by name: endpoints, files and plugins that something is wrong with."""

from collections import Counter
from functools import singledispatchmethod
from typing import Any

from lbdisc import events
from lbdisc.times import stamp
from lbdisc.values import NAMED


class Affected:
    """Who is held or flaps, which files are refused, which plugins are broken, ready for JSON.

    Also adds to the ``counters``.
    """

    def __init__(self, counters: Counter[str]) -> None:
        self._counters = counters
        self._refused: dict[str, dict[str, Any]] = {}  # files beside the configuration
        self._held: dict[tuple[str, str], dict[str, Any]] = {}
        self._flapping: dict[tuple[str, str], dict[str, Any]] = {}
        self._broken: dict[str, dict[str, Any]] = {}

    @property
    def endpoints(self) -> dict[str, Any]:
        """``NAMED`` at most are named of those that are held, and of those that flap."""
        return {
            "held": [held for _, held in sorted(self._held.items())[:NAMED]],
            "held_more": max(0, len(self._held) - NAMED),
            "flapping": [flaps for _, flaps in sorted(self._flapping.items())[:NAMED]],
        }

    @property
    def others(self) -> dict[str, Any]:
        """Files and plugins."""
        return {
            "refused": [{"file": file, **what} for file, what in sorted(self._refused.items())],
            "broken": [{"plugin": name, **what} for name, what in self._broken.items()],
        }

    @singledispatchmethod
    def take(self, event: events.Event) -> None:
        """Most events change nothing here."""

    @take.register
    def _(self, event: events.FilesRefused) -> None:
        at = stamp(event.unix_s)
        self._refused |= {file: {"error": event.error, "at": at} for file in event.files}

    @take.register
    def _(self, event: events.FilesMended) -> None:
        for file in event.files:
            self._refused.pop(file, None)

    @take.register
    def _(self, event: events.EndpointsHeld) -> None:
        until = None if event.for_s is None else stamp(event.unix_s + event.for_s)
        for e in event.endpoints:
            self._counters["held"] += 1
            self._held[e.key] = {
                "service": e.service,
                "name": e.name,
                "address": e.address,
                "port": e.port,
                "by": event.by,
                "since": stamp(event.unix_s - event.since_s),
                "until": until,
                "why": event.why,
            }

    @take.register
    def _(self, event: events.EndpointsReleased) -> None:
        for endpoint in event.endpoints:
            self._counters["released"] += 1
            self._held.pop(endpoint.key, None)

    @take.register
    def _(self, event: events.EndpointsDamped) -> None:
        at = stamp(event.unix_s)
        self._counters["flapped"] += len(event.endpoints)
        self._flapping |= {
            e.key: {"service": e.service, "name": e.name, "since": at} for e in event.endpoints
        }

    @take.register
    def _(self, event: events.EndpointsCalm) -> None:
        for endpoint in event.endpoints:
            self._flapping.pop(endpoint.key, None)

    @take.register
    def _(self, event: events.PluginBroken) -> None:
        self._broken[event.plugin] = {
            "error": event.error,
            "times": event.times,
            "at": stamp(event.unix_s),
        }
