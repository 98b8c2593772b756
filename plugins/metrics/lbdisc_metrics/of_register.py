"""An instance that ``lbdisc register`` keeps in the registry."""

from functools import singledispatchmethod

from prometheus_client import CollectorRegistry

from lbdisc import events
from lbdisc_metrics.naming import counter, gauge

STATES = ("starting", "registered", "draining", "waiting", "untold", "refused", "left")


class RegisterMetrics:
    """``state`` is the word for how the registry has the instance now.

    ``waiting``: another holds its name; ``untold``: the registry has it, and cannot be told now.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.state = "starting"
        self._state = gauge(
            registry, "register_state", "1 for how the registry has the instance now", state=STATES
        )
        self._healthy = gauge(registry, "register_healthy", "1 while the instance's check passes")
        self._failures = counter(
            registry, "register_check_failures", "Checks of the instance that failed"
        )
        self._gave_up = counter(
            registry,
            "register_check_give_ups",
            "Times that it was taken out of the registry, as its check failed too often in a row",
        )
        self._registrations = counter(
            registry, "register_registrations", "Times that it came into the registry, or changed"
        )
        self._renewals = counter(
            registry,
            "register_renewals",
            "Times that the registry was told again of the instance",
            result=("renewed", "failed"),
        )
        self._is("starting")

    def _is(self, state: str) -> None:
        self.state = state
        for each in STATES:
            self._state.labels(each).set(each == state)

    @singledispatchmethod
    def hear(self, event: events.Event) -> None:
        """Most events change nothing here."""

    @hear.register
    def _(self, event: events.EntryRegistered) -> None:
        self._registrations.inc()
        self._is("registered")

    @hear.register
    def _(self, event: events.EntryKept) -> None:
        self._renewals.labels("renewed").inc()
        self._is("draining" if event.endpoint.draining else "registered")

    @hear.register
    def _(self, event: events.EntryDraining) -> None:
        self._registrations.inc()
        self._is("draining")

    @hear.register
    def _(self, event: events.EntryRenewed) -> None:
        self._renewals.labels("renewed").inc(event.times)

    @hear.register
    def _(self, event: events.EntryWaiting) -> None:
        self._is("waiting")

    @hear.register
    def _(self, event: events.EntryRefused) -> None:
        self._renewals.labels("failed").inc()
        held = isinstance(event, events.EntryUnrenewed | events.ChangeRefused)
        self._is("untold" if held else "refused")

    @hear.register
    def _(self, event: events.EntryLeft) -> None:
        self._is("left")

    @hear.register
    def _(self, event: events.EntryStays) -> None:
        self._is("left")

    @hear.register
    def _(self, event: events.CheckPassed) -> None:
        self._healthy.set(1)

    @hear.register
    def _(self, event: events.CheckFailed) -> None:
        self._failures.inc()

    @hear.register
    def _(self, event: events.CheckGaveUp) -> None:
        self._failures.inc()
        self._gave_up.inc()
        self._healthy.set(0)
