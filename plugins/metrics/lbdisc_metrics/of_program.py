"""The program itself: what it is, its settings, its plugins and its disk."""

from functools import singledispatchmethod

from prometheus_client import CollectorRegistry, Info

from lbdisc import events
from lbdisc_metrics.naming import PREFIX, counter, gauge


class ProgramMetrics:
    """Of ``lbdisc run`` and of ``lbdisc register``."""

    def __init__(self, registry: CollectorRegistry, started: events.ProgramStarted) -> None:
        info = Info(
            f"{PREFIX}build", "Which lbdisc this is, and what it runs as", registry=registry
        )
        words = {"program": started.program, "backend": started.backend}
        info.info({"version": started.version, **words})
        self._good = gauge(
            registry,
            "settings_last_reload_successful",
            "0 while settings that were read again are refused",
        )
        self._good_at = gauge(
            registry,
            "settings_last_reload_success_timestamp_seconds",
            "When settings were taken last: at the start, or read again",
        )
        self._rereads = counter(
            registry,
            "settings_rereads",
            "Times that settings were read again",
            result=("taken", "refused"),
        )
        self._broken = counter(
            registry, "plugin_failures", "Things that plugins and listeners did that they may not"
        )
        self._dropped = counter(
            registry, "events_dropped", "Events that a listener missed, as it fell behind"
        )
        self._unwritten = counter(
            registry, "state_write_errors", "Files of the state folder that could not be written"
        )
        self._full = gauge(
            registry, "state_unwritten_files", "Files of the state folder that wait to be written"
        )
        self._stopping = gauge(registry, "stopping", "1 from the word to stop on")
        self._files: set[str] = set()
        self._good.set(1)
        self._good_at.set(started.unix_s)

    @singledispatchmethod
    def hear(self, event: events.Event) -> None:
        """Most events change nothing here."""

    @hear.register
    def _(self, event: events.SettingsReread) -> None:
        self._good.set(1)
        self._good_at.set(event.unix_s)
        self._rereads.labels("taken").inc()

    @hear.register
    def _(self, event: events.SettingsRefused) -> None:
        self._good.set(0)
        self._rereads.labels("refused").inc()

    @hear.register
    def _(self, event: events.PluginBroken) -> None:
        self._broken.inc()
        self._dropped.inc(event.dropped or 0)

    @hear.register
    def _(self, event: events.StateNotKept) -> None:
        self._unwritten.inc()
        self._files.add(event.file)
        self._full.set(len(self._files))

    @hear.register
    def _(self, event: events.StateKept) -> None:
        self._files.discard(event.file)
        self._full.set(len(self._files))

    @hear.register
    def _(self, event: events.ProgramStopping) -> None:
        self._stopping.set(1)
