"""The agent: registry → snapshot → guard → merge → render → apply → verify, one direction.

The watch thread hands over the newest judged snapshot; everything right of it happens here, in one
thread, one generation at a time. A failed apply is never forgotten: it is tried again until the
load balancer runs what the registry says.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event

from lbdisc import events
from lbdisc.absent import AbsentService, absent_services
from lbdisc.agent.announcing import announced
from lbdisc.agent.contact import FirstContact
from lbdisc.agent.desired import Desired
from lbdisc.agent.digesting import fingerprint
from lbdisc.agent.guarding import Guarding
from lbdisc.agent.held import GuardMemory
from lbdisc.agent.keeping import Keeping
from lbdisc.agent.leaving import Leave
from lbdisc.agent.legacy import Legacy
from lbdisc.agent.looking import LIFE_SIGN, Looks
from lbdisc.agent.pace import Pace
from lbdisc.agent.presence import Presence
from lbdisc.agent.pulse import Pulse
from lbdisc.agent.starting import await_first, left_in
from lbdisc.agent.status import Status
from lbdisc.agent.store import Store
from lbdisc.agent.watching import Wake, Watcher
from lbdisc.backoff import Backoff
from lbdisc.builtin.systemd.notify import Notifier
from lbdisc.errors import ApplyError, CheckError, LbdiscError, RenderError, Unconfirmed
from lbdisc.events import Cause
from lbdisc.generation import Generation
from lbdisc.hooks import Ends, Follows, Observes, Reloader, Renderer
from lbdisc.listening.listeners import Listeners
from lbdisc.listening.repeats import Repeats
from lbdisc.planned import Applied, AtRuntime, Nothing, Planned, Reload, Start
from lbdisc.rendered import Rendered
from lbdisc.settings.tables import CoreSettings
from lbdisc.spread import own_share
from lbdisc.values import Problem, Snapshot

DOUBT = 60.0  # seconds; no reload after the other where what runs never is what was applied


class Agent:
    """Keeps a load balancer in step until told to stop. ``wake`` is shared with the watcher."""

    def __init__(
        self,
        settings: CoreSettings,
        *,
        listeners: Listeners,
        status: Status,
        watcher: Watcher,
        renderer: Renderer,
        reloader: Reloader,
        store: Store,
        wake: Wake,
        notifier: Notifier | None = None,
        presence: Presence | None = None,
        accept: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._listeners = listeners
        self._tell = listeners.tell
        self._status = status
        self._watcher = watcher
        self._reloader = reloader
        self._store = store
        self._wake = wake
        self._notifier = notifier or Notifier()
        self._presence = presence or Presence()
        self._presence.settings = fingerprint(settings, renderer)
        self._clock = clock
        self._pace = Pace(settings.agent)
        self._backoff = Backoff(settings.agent.retry_first, settings.agent.retry_most)
        self._doubt = Backoff(settings.agent.retry_first, DOUBT)
        self._desired = Desired(renderer, reloader, settings.output, wake=wake.call)
        known = store.last_snapshot() is not None
        blank = self._desired.blank
        self._contact = FirstContact(settings, reloader, blank, remembers=known, accept=accept)
        self._taken: Snapshot | None = None
        self._cause = Cause(source="state")
        self._since: float | None = None  # when the first news came that is not applied
        self._problems: frozenset[Problem] = frozenset()
        self._absent: tuple[AbsentService, ...] = ()
        self._known: Snapshot | None = None  # what an earlier agent served
        self._running: Generation | None = None
        self._passed: tuple[Snapshot, Rendered] | None = None  # the last that was checked and ran
        share = own_share(settings.agent.name, settings.state_dir)
        self._looks = Looks(reloader, listeners.tell, share=share)
        self._guarding = Guarding(reloader, store, listeners.tell, clock)
        self._ready = False
        self._number = status.earlier_number
        self._written = 0
        self._failures = Repeats()
        self._legacy = Legacy(store, self._pace, (self._backoff, self._doubt), clock)
        self._keeping = Keeping(store, listeners.tell)
        self._pulse = Pulse(store, status, reloader)

    def run(
        self,
        stop: Event,
        *,
        hurry: Event | None = None,
        ends: Callable[[], bool] = lambda: False,
    ) -> None:
        """Work until ``stop``, and on for the grace of a load balancer that stops as well.

        ``hurry`` cuts that short; ``ends`` tells whether ``close`` will be told to end it. Raises
        ``SettingsError`` when nothing can ever be served.
        """
        self._watcher.tell_held()
        self._say_status()
        self._pulse.start()
        self._watcher.start()
        self._begin(stop)
        leave = Leave(self._reloader, self._tell, self._clock, hurry=hurry or Event(), ends=ends)
        while not leave.over(stop):
            self._wake.do_errands()
            self._guarding.turn(self._watcher, running=self._running is not None)
            self._watcher.look_again()
            self._take_newest()
            if self._is_due(self._clock()):
                self._bring()
            self._look(self._clock())
            self._try_again(self._clock())
            newest = self._watcher.newest
            self._presence.look(newest and newest.snapshot, self._running, self._reloader)
            self._report()
            self._wake.wait(self._until_next(self._clock()))

    def close(self, *, ends: bool = False) -> None:
        """Let go of the registry and of the load balancer, which ``ends`` with the agent or not."""
        self._pulse.stop()
        outlives = self._reloader if isinstance(self._reloader, Ends) else None
        self._presence.leave(back=outlives is not None and not ends and outlives.stays())
        self._watcher.stop(timeout=0)
        try:
            if ends and outlives:
                outlives.end(self._settings.output)
        finally:
            self._reloader.close()
        self._presence.join(0.5)
        if not self._watcher.stop(timeout=1.0):
            what = f"discovery {self._settings.backend}"
            error = "it did not stop in time and was left behind"
            self._tell(events.PluginBroken(plugin=what, error=error))

    @property
    def listed(self) -> Snapshot:
        """What is balanced now."""
        return self._running.snapshot if self._running else Snapshot()

    @property
    def memory(self) -> GuardMemory:
        """What is balanced and held now, for the guard of another watcher."""
        return self._watcher.memory

    @property
    def asks(self) -> bool:
        """Whether the load balancer tells what its checks find."""
        return isinstance(self._reloader, Observes)

    @property
    def hears_registry(self) -> bool:
        """Whether the registry answers now."""
        return self._watcher.error is None and self._watcher.newest is not None

    def change(
        self,
        *,
        renderer: Renderer,
        watcher: Watcher,
        settings: CoreSettings,
        presence: Presence | None = None,
    ) -> None:
        """Go on with new settings: another renderer, another watcher; nothing is dropped."""
        self._presence = self._presence.changed(settings.services, presence)
        self._presence.settings = fingerprint(settings, renderer)
        self._watcher.stop()
        watcher.tell_dropped(self._watcher.held)
        self._watcher, self._settings = watcher, settings
        self._pace.settings = settings.agent
        self._contact.settings = settings
        watcher.start()
        self._desired.render_with(renderer)
        self._taken = None
        self._changed(self._clock(), Cause(source="settings"))

    def _begin(self, stop: Event) -> None:
        """Start from the registry, or where that does not answer from what was known last."""
        known, written = self._store.last_snapshot(), left_in(self._settings.output)
        for event in self._legacy.resume():
            self._tell(event)
        self._known = known and known.only(self._settings.services)
        self._passed = None if written is None else (Snapshot(), written)
        on_disk = known is not None or written is not None
        first = await_first(self._watcher, self._wake, stop, self._clock, known_from_disk=on_disk)
        if first or stop.is_set():
            return
        cause = Cause(source="state")
        self._tell(
            events.StartedFromState(
                endpoints=None if known is None else len(known),
                error=str(self._watcher.error or ""),
                cause=cause,
            )
        )
        if known is None and written is not None:
            # Nothing is known of endpoints, but a file is there: it is kept alive as it is.
            self._desired.kept = written
        else:
            self._desired.snapshot = (known or Snapshot()).only(self._settings.services)
        self._changed(self._clock(), cause)
        self._hold_off()

    def _hold_off(self) -> None:
        """The first attempt may be one too many for the load balancer."""
        if self._running is None:
            with suppress(LbdiscError):
                self._legacy.hold_off(self._desired.rendered()[1].digest)

    def _take_newest(self) -> None:
        newest = self._watcher.newest
        if newest is None or newest.snapshot is self._taken:
            return
        self._taken = newest.snapshot
        self._tell_problems(newest.cause)
        self._tell_absent(absent_services(newest.snapshot, self._settings.services), newest.cause)
        snapshot = newest.snapshot.only(self._settings.services)
        if snapshot == self._desired.snapshot:
            return
        self._desired.snapshot = snapshot
        if self._since is None:
            self._since = newest.arrived
        self._changed(newest.arrived, newest.cause)
        self._backoff.reset()
        self._pace.not_before = float("-inf")
        self._hold_off()

    def _changed(self, now: float, cause: Cause) -> None:
        """Something is to be applied, because of ``cause``."""
        self._cause = cause
        self._pace.changed(now)
        number, count = self._number + 1, self._desired.count
        self._tell(events.ChangeWanted(generation=number, endpoints=count, cause=cause))

    def _tell_problems(self, cause: Cause) -> None:
        """Entries that are skipped now; each is told once."""
        listed = self._taken.problems if self._taken else ()
        problems = self._desired.blaming.problems.union(listed)
        if new := tuple(sorted(problems - self._problems)):
            self._tell(events.EntriesSkipped(entries=new, cause=cause))
        if mended := tuple(sorted(self._problems - problems)):
            self._tell(events.EntriesMended(entries=mended, cause=cause))
        self._problems = problems

    def _tell_absent(self, absent: tuple[AbsentService, ...], cause: Cause) -> None:
        if absent != self._absent:
            told = events.ServicesAbsent if absent else events.ServicesPresent
            self._tell(told(services=absent or self._absent, cause=cause))
        self._absent = absent

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
            return not isinstance(self._desired.planned(self._running).how, Reload)
        except LbdiscError:
            return True  # applying says why, at once

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
            snapshot, rendered = self._desired.rendered()
            applied = self._apply(rendered)
        except (CheckError, RenderError) as error:
            return self._refused(error)
        except LbdiscError as error:
            self._failed(error)
            return False
        finally:
            self._desired.render_anew()
            self._tell_problems(self._cause)
        self._pace.settled()
        self._legacy.applied()
        self._backoff.reset()
        self._doubt.reset()
        self._failures.clear()
        self._announce(snapshot, rendered, applied)
        return False

    def _apply(self, rendered: Rendered) -> Applied:
        if self._running is not None and rendered == self._running.rendered:
            self._desired.plan_anew()
            if not self._reloader.verify(rendered, thorough=True):
                return Applied(how=Nothing())
        planned, generated = self._desired.planned(self._running), self._desired.count is not None
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
        # What was changed at run time has been read back by the reloader itself.
        thorough = not isinstance(applied.how, AtRuntime)
        if difference := self._reloader.verify(planned.candidate, thorough=thorough):
            raise Unconfirmed(f"applied, yet not running: {difference}")
        verify_every = self._settings.agent.verify_every
        self._looks.took(now, verify_every=verify_every, thorough=thorough)
        return applied

    def _refused(self, error: CheckError | RenderError) -> bool:
        """Whether somebody is at fault and left out; if nobody is, what passed last goes on."""
        blaming, served = self._desired.blaming, self._desired.served
        try:
            if blaming.judge(error, self._passed[0] if self._passed else Snapshot(), served):
                return True
            self._keep_alive()
            self._failed(blaming.explained(error, served))
        except LbdiscError as another:
            self._failed(another)
        return False

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
        if self._desired.snapshot is None or self._pace.due is not None:
            return
        try:
            if self._desired.blaming.look(self._desired.snapshot):
                self._desired.render_anew()
                self._changed(now, Cause(source="trial"))
                self._pace.hurry(now)
        except LbdiscError as error:
            self._failed(error)

    def _failed(self, error: LbdiscError) -> None:
        delay = self._backoff.next()
        if isinstance(error, Unconfirmed):
            delay = self._doubt.next()
        elif isinstance(error, ApplyError):  # the process may come back at any moment
            delay = min(delay, LIFE_SIGN)
        self._pace.failed(self._clock(), delay)
        with suppress(LbdiscError):
            self._legacy.failed(self._desired.rendered()[1].digest, delay)
        if isinstance(error, ApplyError) and self._running is not None:
            self._looks.doubt(self._running)
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
                cause=self._cause,
            )
        )

    def _announce(self, snapshot: Snapshot, rendered: Rendered, applied: Applied) -> None:
        before = self._running.snapshot if self._running else self._known or Snapshot()
        change = snapshot.since(before)
        self._number += 1
        generation = Generation(
            number=self._number, snapshot=snapshot, rendered=rendered, change=change
        )
        self._running = generation
        since, self._since = self._since, None
        ms = None if since is None else (self._clock() - since) * 1000
        for event in announced(generation, before, applied, ms=ms, cause=self._cause):
            self._tell(event)
        if self._desired.count is not None:  # else nothing is known that could be kept
            self._keeping.keep(snapshot, change)

    def _look(self, now: float) -> None:
        """See, when it is time, whether the load balancer still runs what it should."""
        if self._running is None or self._looks.next > now:
            return
        verify_every = self._settings.agent.verify_every
        found = self._looks.difference(self._running, now, verify_every=verify_every)
        self._desired.plan_anew()
        if found:
            cause = Cause(source="drift")
            self._tell(events.Drifted(generation=self._running.number, found=found, cause=cause))
            self._changed(now, cause)
            self._pace.hurry(now)
        elif self._looks.tend(self._running, now) is not None:
            self._legacy.reloaded()

    def _until_next(self, now: float) -> float:
        """Seconds until something is due."""
        times = [now + LIFE_SIGN, self._pace.due, self._watcher.due, self._guarding.due]
        if self._running is not None:
            times.append(self._looks.next)
        times += [self._presence.due, self._desired.blaming.due]
        if self._notifier.watchdog:
            times.append(now + self._notifier.watchdog / 3)
        return max(0.0, min(t for t in times if t is not None) - now)

    def _report(self) -> None:
        running = self._running
        in_step = self._pace.first_change is None
        behind = isinstance(self._reloader, Follows) and self._reloader.behind()
        if in_step and running is not None and not behind:
            self._tell_written(running)
        if self._notifier.watchdog:
            self._notifier.send("WATCHDOG=1")
        self._listeners.look()
        self._keeping.look()
        self._pulse.turned(running.snapshot if running else None)
        self._say_status()
        if (trouble := self._legacy.save()) is not None:
            self._tell(trouble)
        if running is not None and not self._ready:
            self._ready = True
            self._tell(events.ProgramReady(generation=running.number))

    def _say_status(self) -> None:
        if (told := self._status.save()) is not None:
            self._tell(told)

    def _tell_written(self, running: Generation) -> None:
        if self._written != running.number:
            self._written = running.number
            self._passed = running.snapshot, running.rendered
            self._desired.blaming.applied()
            written = events.GenerationWritten(generation=running.number, digest=running.digest)
            self._tell(written)
