"""Applying what is desired: admitted over what is there, carried out, and verified."""

from collections.abc import Callable

from lbdisc.agent.contact import FirstContact
from lbdisc.agent.desired import Desired
from lbdisc.agent.generations import Generations
from lbdisc.agent.legacy import Legacy
from lbdisc.agent.looking import Looks
from lbdisc.agent.stages import APPLIED, PLANNED, VERIFIED, Stages
from lbdisc.errors import Unconfirmed
from lbdisc.hooks import Reloader
from lbdisc.listening.listeners import Tell
from lbdisc.planned import Applied, AtRuntime, Nothing, Planned, Reload, Start
from lbdisc.rendered import Rendered
from lbdisc.settings.tables import CoreSettings


class Applying:
    """Has the ``reloader`` do it; all raise ``LbdiscError``."""

    def __init__(
        self,
        settings: CoreSettings,
        reloader: Reloader,
        *,
        desired: Desired,
        generations: Generations,
        contact: FirstContact,
        looks: Looks,
        legacy: Legacy,
        stages: Stages,
        tell: Tell,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._reloader = reloader
        self._desired = desired
        self._generations = generations
        self._contact = contact
        self._looks = looks
        self._legacy = legacy
        self._stages = stages
        self._tell = tell
        self._clock = clock

    def change(self, settings: CoreSettings) -> None:
        """Go on with new settings."""
        self._settings = self._contact.settings = settings

    def apply(self, rendered: Rendered, *, files: bool) -> Applied:
        """Have ``rendered`` run; ``files`` that it reads besides may have changed."""
        running = self._generations.running
        if running is not None and rendered == running.rendered:
            self._desired.plan_anew()
            if not self._reloader.verify(rendered, thorough=True) and not files:
                self._stages.over(VERIFIED)
                return Applied(how=Nothing())
        planned, generated = self._desired.planned(running), self._desired.count is not None
        admitted = self._contact.admit(planned, self._tell, generated=generated)
        applied = self.carry_out(admitted)
        if generated:
            self._contact.over()
        return applied

    def carry_out(self, planned: Planned) -> Applied:
        """Do what is ``planned``, and see that it runs."""
        self._stages.over(PLANNED)
        applied = self._reloader.apply(planned)
        now = self._clock()
        self._stages.over(APPLIED, check_ms=applied.check_ms)
        if isinstance(applied.how, Reload | Start):
            self._legacy.reloaded()
            self._desired.fitting.anew()
        # What was changed at run time has been read back by the reloader itself.
        thorough = not isinstance(applied.how, AtRuntime)
        if difference := self._reloader.verify(planned.candidate, thorough=thorough):
            raise Unconfirmed(f"applied, yet not running: {difference}")
        self._stages.over(VERIFIED)
        verify_every = self._settings.agent.verify_every
        self._looks.took(now, verify_every=verify_every, thorough=thorough)
        return applied

    def keep_alive(self) -> None:
        """Bring back what passed last, if the load balancer died or was changed meanwhile."""
        if self._generations.passed is None:
            return
        last = self._generations.passed[1]
        planned = self._reloader.plan(self._settings.output, last, last)
        if planned.costs_a_reload:
            self.carry_out(planned)
