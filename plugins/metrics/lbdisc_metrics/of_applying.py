"""How what is desired comes to life."""

from functools import singledispatchmethod

from prometheus_client import CollectorRegistry

from lbdisc import events
from lbdisc_metrics.naming import counter, gauge, histogram
from lbdisc_metrics.words import FAILURES, OTHER, RELOADS, failure_word, reload_word

HOW = ("start", "reload", "runtime", "written", "nothing")


class ApplyMetrics:
    """Generations, applies, reloads, and what is wrong with what runs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._in_step = gauge(
            registry, "in_step", "1 while the load balancer runs what was asked for"
        )
        self._in_step_at = gauge(
            registry, "in_step_changed_timestamp_seconds", "When in_step changed last"
        )
        self._generation = gauge(
            registry,
            "generation",
            "The number of the generation that is desired, in the file, and running",
            stage=("desired", "written", "running"),
        )
        self._applies = counter(
            registry,
            "applies",
            "Attempts to bring a generation to life; one that failed has no how",
            how=(*HOW, "none"),
            result=("applied", "failed"),
        )
        self._failures = counter(
            registry,
            "apply_failures",
            "Attempts that failed, by the class of the error",
            kind=(*FAILURES, OTHER),
        )
        self._duration = histogram(
            registry,
            "apply_duration_seconds",
            "From the registry's news to what was read back from the load balancer",
            how=HOW,
        )
        self._reloads = counter(
            registry,
            "reloads",
            "Starts and reloads of the load balancer, by a word for what made it necessary",
            reason=(*RELOADS, OTHER),
        )
        self._commands = counter(
            registry, "runtime_commands", "Commands given to the load balancer while it runs"
        )
        self._drift = counter(
            registry, "drift", "Times that the load balancer did not run what it should"
        )
        self._untidy = gauge(
            registry, "tidying_failed", "1 while the load balancer cannot be tidied up"
        )
        self._refused = gauge(
            registry,
            "files_refused",
            "Files beside the configuration that changed to what the load balancer refuses",
        )
        self._old = gauge(
            registry,
            "old_workers",
            "Old processes of the load balancer that finish what they have",
        )
        self._old_age = gauge(
            registry, "old_worker_oldest_age_seconds", "Age of the oldest of them, 0 without any"
        )
        self._files: set[str] = set()
        self._was: bool | None = None

    def _step(self, is_so: bool, event: events.Event) -> None:
        if self._was is not is_so:
            self._was = is_so
            self._in_step.set(is_so)
            self._in_step_at.set(event.unix_s)

    @singledispatchmethod
    def hear(self, event: events.Event) -> None:
        """Most events change nothing here."""

    @hear.register
    def _(self, event: events.ChangeWanted) -> None:
        self._step(False, event)
        self._generation.labels("desired").set(event.generation)

    @hear.register
    def _(self, event: events.GenerationApplied) -> None:
        how = event.how if event.how in HOW else "none"
        self._step(True, event)
        self._untidy.set(0)
        self._generation.labels("running").set(event.generation)
        self._applies.labels(how, "applied").inc()
        self._commands.inc(len(event.commands))
        if event.ms is not None and how in HOW:
            self._duration.labels(how).observe(event.ms / 1000)
        if how in ("start", "reload"):
            self._reloads.labels(reload_word(event.why)).inc()

    @hear.register
    def _(self, event: events.GenerationWritten) -> None:
        self._generation.labels("written").set(event.generation)

    @hear.register
    def _(self, event: events.ApplyFailed) -> None:
        self._step(False, event)
        self._applies.labels("none", "failed").inc()
        self._failures.labels(failure_word(event.kind)).inc()

    @hear.register
    def _(self, event: events.Drifted) -> None:
        self._drift.inc()

    @hear.register
    def _(self, event: events.Tended) -> None:
        self._untidy.set(0)
        if event.how in ("start", "reload"):
            self._reloads.labels(reload_word(event.detail)).inc()

    @hear.register
    def _(self, event: events.TendFailed) -> None:
        self._untidy.set(1)

    @hear.register
    def _(self, event: events.FilesRefused) -> None:
        self._files |= set(event.files)
        self._refused.set(len(self._files))

    @hear.register
    def _(self, event: events.FilesMended) -> None:
        self._files -= set(event.files)
        self._refused.set(len(self._files))

    @hear.register
    def _(self, event: events.ServersObserved) -> None:
        if event.lingering is not None:
            self._old.set(len(event.lingering))
            self._old_age.set(max(event.lingering, default=0))
