"""Bringing what is desired to life: render, apply, verify, and try again until it runs.

A failed apply is never forgotten, and who is refused holds up nobody else. One generation at a
time, all in the agent's own thread.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from lbdisc import events
from lbdisc.abilities import Follows, StandsIn
from lbdisc.agent.ahead import AheadLooks
from lbdisc.agent.announcing import announced
from lbdisc.agent.contact import FirstContact
from lbdisc.agent.desired import Desired
from lbdisc.agent.keeping import Keeping
from lbdisc.agent.legacy import Legacy
from lbdisc.agent.looking import Looks
from lbdisc.agent.pace import Pace
from lbdisc.agent.retrying import Retries
from lbdisc.agent.standing_in import stand_in
from lbdisc.agent.starting import served_before
from lbdisc.agent.store import Store
from lbdisc.errors import (
    ApplyError,
    CheckError,
    LbdiscError,
    NotLoaded,
    RenderError,
    Unconfirmed,
)
from lbdisc.events import Cause
from lbdisc.generation import Generation
from lbdisc.hooks import Reloader, Renderer
from lbdisc.listening.listeners import Tell
from lbdisc.listening.repeats import Repeats
from lbdisc.planned import Applied, AtRuntime, Nothing, Planned, Reload, Start
from lbdisc.rendered import Rendered
from lbdisc.settings.tables import CoreSettings
from lbdisc.spread import own_share
from lbdisc.values import Endpoint, Snapshot

# Causes of reloads that no entry of the registry has to answer for.
NOT_BY_ENTRIES = ("settings", "files", "drift", "trial", "state")


class Bringing:
    """What is to run, what runs, and the way from one to the other.

    ``number`` counts the generations that earlier agents brought; ``accept`` is that of
    ``FirstContact``; ``skipped`` is called when others may be left out than before,
    ``reloaded`` when these had come or changed and took a reload. ``own`` is that of ``Desired``.
    """

    def __init__(
        self,
        settings: CoreSettings,
        *,
        renderer: Renderer,
        reloader: Reloader,
        store: Store,
        number: int,
        tell: Tell,
        wake: Callable[[], None],
        clock: Callable[[], float],
        accept: bool,
        skipped: Callable[[], None],
        own: Callable[[Snapshot, Rendered], Snapshot],
        reloaded: Callable[[Sequence[Endpoint]], None],
    ) -> None:
        self._settings = settings
        self._reloader = reloader
        self._tell = tell
        self._clock = clock
        self._skipped = skipped
        self._reloaded = reloaded
        self._pace = Pace(settings.agent)
        self._retries = Retries(settings.agent)
        self.desired = Desired(
            renderer, reloader, settings.output, settings.services, own=own, wake=wake
        )
        known = store.last_snapshot() is not None
        blank = self.desired.blank
        self._contact = FirstContact(settings, reloader, blank, remembers=known, accept=accept)
        self.cause = Cause(source="state")
        self._files = False  # whether any beside the configuration changed
        self._since: float | None = None  # when the first news came that is not applied
        self._known: Snapshot | None = None  # what an earlier agent served
        self.running: Generation | None = None
        self._passed: tuple[Snapshot, Rendered] | None = None  # the last that was checked and ran
        share = own_share(settings.agent.name, settings.state_dir)
        self._stands_in: Rendered | None = None  # what runs instead of what cannot
        self._ahead = AheadLooks()
        self._looks = Looks(reloader, tell, share=share)
        self._number = number
        self._written = 0
        self._failures = Repeats()
        self._legacy = Legacy(store, self._pace, self._retries.kept, clock)
        self._keeping = Keeping(store, tell)

    def change(self, settings: CoreSettings, renderer: Renderer) -> None:
        """Go on with new settings; nothing is dropped."""
        self._settings = self._contact.settings = settings
        if isinstance(self._reloader, StandsIn):
            self._reloader.try_again()
            self._pace.not_before = float("-inf")
        self._pace.settings = settings.agent
        self._pace.forgive()
        self.desired.fitting.change(settings.services)
        self.desired.render_with(renderer)

    def resume(self, known: Snapshot | None, written: Rendered | None) -> None:
        """An agent before served ``known``, and left ``written`` in the files."""
        for event in self._legacy.resume():
            self._tell(event)
        self._known = known
        self.desired.fitting.known = known or Snapshot()
        if written is not None:
            self._passed = self._served_before(written), written

    def want(self, snapshot: Snapshot, *, arrived: float, cause: Cause) -> None:
        """Have ``snapshot`` run, whose news ``arrived`` then."""
        if snapshot == self.desired.snapshot:
            return
        self.desired.snapshot = snapshot
        if self._since is None:
            self._since = arrived
        self.changed(arrived, cause)
        self._retries.hurry()
        self._pace.not_before = float("-inf")
        self.hold_off()

    def want_files(self, changed: Sequence[Path]) -> None:
        """Have files that the load balancer reads besides be in use as they are now."""
        self._files = True
        names = tuple(map(str, changed))
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        cause = Cause(source="files", revision=f"{names[0]}{more}")
        self._tell(events.FilesChanged(files=names, cause=cause))
        if self._since is None:
            self._since = self._clock()
        self.desired.plan_anew()
        self.changed(self._clock(), cause)

    def hurry(self) -> None:
        """What stood in the way of what waits, if anything does, may be gone."""
        if not self.in_step:
            self._retries.hurry()
            self._pace.hurry(self._clock())

    @property
    def in_step(self) -> bool:
        """Whether nothing waits to be applied."""
        return self._pace.first_change is None

    @property
    def due(self) -> float | None:
        """When ``turn`` has something to do."""
        times = [self._pace.due, self.desired.blaming.due]
        if self.running is not None:
            times.append(self._looks.next)
            if self._waits_long(self._clock()):
                times.append(self._ahead.due(self.desired.snapshot))
        return min((t for t in times if t is not None), default=None)

    def turn(self) -> None:
        """Do what is due."""
        now = self._clock()
        if self._is_due(now):
            self._bring()
        elif self._waits_long(now) and self._ahead.may(self.desired.snapshot, now):
            self._go_ahead()
        self._look(self._clock())
        self._try_again(self._clock())

    def hold_off(self) -> None:
        """The first attempt may be one too many for the load balancer."""
        if self.running is None:
            with suppress(LbdiscError):
                self._legacy.hold_off(self.desired.rendered()[1].digest)

    def _served_before(self, written: Rendered) -> Snapshot:
        if self._known is None:
            return Snapshot()
        with suppress(LbdiscError):
            return served_before(self._reloader, self._settings.output, written, self._known)
        return self._known

    def changed(self, now: float, cause: Cause) -> None:
        """Something is to be applied, because of ``cause``."""
        self.cause = cause
        self._pace.changed(now)
        number, count = self._number + 1, self.desired.count
        self._tell(events.ChangeWanted(generation=number, endpoints=count, cause=cause))

    def _is_due(self, now: float) -> bool:
        """Whether to apply now: what needs no reload goes at once, a reload waits for quiet.

        So does a start: what does not run at all serves nobody meanwhile.
        """
        due = self._pace.due
        if due is None or self._pace.not_before > now:
            return False
        return due <= now or self._goes_at_once()

    def _goes_at_once(self) -> bool:
        if self._pace.failing:
            return False
        try:
            return not isinstance(self.desired.planned(self.running).how, Reload)
        except LbdiscError:
            return True  # applying says why, at once

    def _waits_long(self, now: float) -> bool:
        """Whether something waits for a reload for longer than a burst takes."""
        due = self._pace.due
        if due is None or self.running is None or self._pace.failing:
            return False
        return due - now > self._settings.agent.quiet

    def _go_ahead(self) -> None:
        """Do at run time whatever needs no reload: leaves and drains above all."""
        assert self.running is not None
        began = self._clock()
        with suppress(LbdiscError):
            if found := self.desired.ahead(self.running):
                since, self._stands_in = self._since, found[1].candidate
                self._announce(found[0], found[1].candidate, self._carry_out(found[1]))
                self._since = since
                self.desired.plan_anew()
                self.changed(self._clock(), self.cause)
        self._ahead.looked(self.desired.snapshot, began, self._clock())

    def _bring(self) -> None:
        """Render, apply and verify the desired snapshot; plan the next attempt when that fails.

        Who is refused is left out at once, before the next ones are taken in: a stream of bad ones
        would let nothing through.
        """
        while self._attempt():
            pass

    def _attempt(self) -> bool:
        """Whether to go on at once, without those that were left out just now."""
        try:
            snapshot, rendered = self.desired.rendered()
            applied = self._apply(rendered)
        except (CheckError, RenderError) as error:
            return self._refused(error)
        except LbdiscError as error:
            if isinstance(error, NotLoaded):
                self._stand_in()
            self._failed(error)
            return False
        finally:
            self.desired.render_anew()
            self._skipped()
        self._files = False
        self._pace.settled()
        self._legacy.applied()
        self._retries.over()
        self._failures.clear()
        self._announce(snapshot, rendered, applied)
        return False

    def _apply(self, rendered: Rendered) -> Applied:
        if self.running is not None and rendered == self.running.rendered:
            self.desired.plan_anew()
            if not self._reloader.verify(rendered, thorough=True) and not self._files:
                return Applied(how=Nothing())
        planned, generated = self.desired.planned(self.running), self.desired.count is not None
        admitted = self._contact.admit(planned, self._tell, generated=generated)
        applied = self._carry_out(admitted)
        if generated:
            self._contact.over()
        return applied

    def _carry_out(self, planned: Planned) -> Applied:
        applied = self._reloader.apply(planned)
        now = self._clock()
        if isinstance(applied.how, Reload | Start):
            self._legacy.reloaded()
            self.desired.fitting.anew()
        # What was changed at run time has been read back by the reloader itself.
        thorough = not isinstance(applied.how, AtRuntime)
        if difference := self._reloader.verify(planned.candidate, thorough=thorough):
            raise Unconfirmed(f"applied, yet not running: {difference}")
        verify_every = self._settings.agent.verify_every
        self._looks.took(now, verify_every=verify_every, thorough=thorough)
        return applied

    def _refused(self, error: CheckError | RenderError) -> bool:
        """Whether somebody is at fault and left out; if nobody is, what passed last goes on."""
        blaming, served = self.desired.blaming, self.desired.served
        try:
            if blaming.judge(error, self._passed[0] if self._passed else Snapshot(), served):
                return True
            self._keep_alive()
            self._stand_in()
            self._failed(blaming.explained(error, served))
        except LbdiscError as another:
            self._failed(another)
        return False

    def _stand_in(self) -> None:
        """Keep the endpoints in step in what runs, while nothing else of it can be changed."""
        with suppress(LbdiscError):
            snapshot, wanted = self.desired.rendered()
            found = stand_in(self._reloader, self._settings.output, snapshot, wanted)
            if found is None or (isinstance(found[0].how, Nothing) and self.running is not None):
                return
            planned, served = found
            self._stands_in = planned.candidate
            self._announce(served, planned.candidate, self._carry_out(planned))
            self.changed(self._clock(), self.cause)

    def _keep_alive(self) -> None:
        """Bring back what passed last, if the load balancer died or was changed meanwhile."""
        if self._passed is None:
            return
        last = self._passed[1]
        planned = self._reloader.plan(self._settings.output, last, last)
        if planned.costs_a_reload:
            self._carry_out(planned)

    def _try_again(self, now: float) -> None:
        """Whether any of those who are left out can come back; not while something waits."""
        if self.desired.snapshot is None or self._pace.due is not None:
            return
        try:
            if self.desired.blaming.look(self.desired.snapshot):
                self.desired.render_anew()
                self.changed(now, Cause(source="trial"))
                self._pace.hurry(now)
        except LbdiscError as error:
            self._failed(error)

    def _failed(self, error: LbdiscError) -> None:
        delay = self._retries.after(error)
        self._pace.failed(self._clock(), delay)
        if not isinstance(error, NotLoaded):  # what runs is known, and the reloader notes the rest
            self._note(error, delay)
        kind = type(error).__name__
        times = self._failures.count(kind, str(error))
        self._tell(
            events.ApplyFailed(
                generation=self._number + 1,
                kind=kind,
                error=str(error),
                retry_s=delay,
                times=times,
                again=times > 1,
                cause=self.cause,
            )
        )

    def _note(self, error: LbdiscError, delay: float) -> None:
        """For the agent after this one, and for the looks at what runs."""
        with suppress(LbdiscError):
            self._legacy.failed(self.desired.rendered()[1].digest, delay)
        if isinstance(error, ApplyError) and self.running is not None:
            self._looks.doubt(self.running)

    def _announce(self, snapshot: Snapshot, rendered: Rendered, applied: Applied) -> None:
        before = self.running.snapshot if self.running else self._known or Snapshot()
        change = snapshot.since(before)
        self._number += 1
        generation = Generation(
            number=self._number, snapshot=snapshot, rendered=rendered, change=change
        )
        self.running = generation
        self.desired.fitting.known = snapshot
        since, self._since = self._since, None
        ms = None if since is None else (self._clock() - since) * 1000
        if isinstance(applied.how, Reload) and before and self.cause.source not in NOT_BY_ENTRIES:
            self._reloaded((*change.added, *change.changed))
        for event in announced(generation, before, applied, ms=ms, cause=self.cause):
            self._tell(event)
        if self.desired.count is not None:  # else nothing is known that could be kept
            self._keeping.keep(snapshot, change)

    def _look(self, now: float) -> None:
        """See, when it is time, whether the load balancer still runs what it should."""
        if self.running is None or self._looks.next > now:
            return
        if not self.in_step and isinstance(self._reloader, StandsIn) and self._reloader.may_try:
            self._pace.hurry(now)
        verify_every = self._settings.agent.verify_every
        found = self._looks.difference(self.running, now, verify_every=verify_every)
        self.desired.plan_anew()
        if found:
            cause = Cause(source="drift")
            self._tell(events.Drifted(generation=self.running.number, found=found, cause=cause))
            self.changed(now, cause)
            self._pace.hurry(now)
        elif self._looks.tend(self.running, now) is not None:
            self._legacy.reloaded(for_a_change=False)

    def report(self) -> None:
        """Tell, at the end of a turn, what is in the files by now, and keep what is to be kept."""
        running = self.running
        behind = isinstance(self._reloader, Follows) and self._reloader.behind()
        stands_in = running is not None and running.rendered is self._stands_in
        if (self.in_step or stands_in) and running is not None and not behind:
            self._tell_written(running)
        self._keeping.look()
        if (trouble := self._legacy.save()) is not None:
            self._tell(trouble)

    def _tell_written(self, running: Generation) -> None:
        if self._written != running.number:
            self._written = running.number
            self._passed = running.snapshot, running.rendered
            self.desired.blaming.applied()
            written = events.GenerationWritten(generation=running.number, digest=running.digest)
            self._tell(written)
