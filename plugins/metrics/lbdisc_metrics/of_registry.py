"""What the registry says, and whether it answers."""

from functools import singledispatchmethod

from prometheus_client import CollectorRegistry

from lbdisc import events
from lbdisc_metrics.naming import counter, gauge
from lbdisc_metrics.words import ERRORS, OTHER, error_word


class RegistryMetrics:
    """Also of its entries that are skipped, flap, or are missing for a whole service."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._connected = gauge(registry, "registry_connected", "1 while the registry answers")
        self._news_at = gauge(
            registry,
            "registry_last_news_timestamp_seconds",
            "When the registry's state was another for the last time, 0 before the first",
        )
        self._entries = gauge(
            registry, "registry_entries", "Endpoints in the registry, of all services that are read"
        )
        self._news = counter(registry, "registry_news", "States of the registry that were new")
        self._changes = counter(
            registry,
            "registry_changes",
            "Endpoints that came, went or changed in the registry",
            change=("came", "went", "changed"),
        )
        self._resyncs = counter(
            registry,
            "registry_resyncs",
            "Times that the registry answered again and was read as a whole, by what came before",
            reason=("start", "settings", "lost"),
        )
        self._errors = counter(
            registry,
            "registry_errors",
            "Failures to know the registry's state, by a word for the reason",
            reason=("settings", *ERRORS, OTHER),
        )
        self._skipped = counter(
            registry, "registry_skipped_entries", "Entries that broke the rules, each time one did"
        )
        self._absent = gauge(
            registry, "services_absent", "Services of the settings that have no endpoint"
        )
        self._flapping = gauge(
            registry, "endpoints_flapping", "Endpoints whose changes wait, as they change on and on"
        )
        self._flaps: set[tuple[str, str]] = set()
        self._before = "start"  # what came before the registry answers next

    @singledispatchmethod
    def hear(self, event: events.Event) -> None:
        """Most events change nothing here."""

    @hear.register
    def _(self, event: events.RegistryNews) -> None:
        self._news_at.set(event.unix_s)
        self._entries.set(event.total)
        self._news.inc()
        for change in ("came", "went", "changed"):
            self._changes.labels(change).inc(len(getattr(event, change)))

    @hear.register
    def _(self, event: events.RegistryBack) -> None:
        self._connected.set(1)
        self._resyncs.labels(self._before).inc()
        self._before = "lost"

    @hear.register
    def _(self, event: events.RegistryLost) -> None:
        self._connected.set(0)
        self._errors.labels(error_word(event.kind, event.error)).inc()

    @hear.register
    def _(self, event: events.SettingsReread) -> None:
        self._connected.set(0)  # another watcher asks anew
        self._before = "settings"

    @hear.register
    def _(self, event: events.EntriesSkipped) -> None:
        self._skipped.inc(len(event.entries) + event.passed)

    @hear.register
    def _(self, event: events.ServicesAbsent) -> None:
        self._absent.set(len(event.services))

    @hear.register
    def _(self, event: events.ServicesPresent) -> None:
        self._absent.set(0)

    @hear.register
    def _(self, event: events.EndpointsDamped) -> None:
        self._flaps |= {endpoint.key for endpoint in event.endpoints}
        self._flapping.set(len(self._flaps))

    @hear.register
    def _(self, event: events.EndpointsCalm) -> None:
        self._flaps -= {endpoint.key for endpoint in event.endpoints}
        self._flapping.set(len(self._flaps))
