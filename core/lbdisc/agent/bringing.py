"""Bringing what is desired to life: render, apply, verify, and try again until it runs.

A failed apply is never forgotten, and who is refused holds up nobody else. One generation at a
time, all in the agent's own thread.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from lbdisc import events
from lbdisc.abilities import Follows, StandsIn
from lbdisc.agent.applying import Applying
from lbdisc.agent.attempts import Attempts
from lbdisc.agent.contact import FirstContact
from lbdisc.agent.desired import Desired
from lbdisc.agent.generations import Generations
from lbdisc.agent.keeping import Keeping
from lbdisc.agent.legacy import Legacy
from lbdisc.agent.looking import Looks
from lbdisc.agent.meanwhile import Meanwhile
from lbdisc.agent.pace import Pace
from lbdisc.agent.pending import Pending
from lbdisc.agent.retrying import Retries
from lbdisc.agent.stages import Stages
from lbdisc.agent.standing_still import Stillness
from lbdisc.agent.starting import served_before
from lbdisc.errors import CheckError, LbdiscError
from lbdisc.events import Cause
from lbdisc.generation import Generation
from lbdisc.hooks import Reloader, Renderer
from lbdisc.listening.listeners import Tell
from lbdisc.rendered import Rendered
from lbdisc.settings.tables import CoreSettings
from lbdisc.spread import own_share
from lbdisc.state.store import Store
from lbdisc.values import Endpoint, Snapshot


class Bringing:
    """What is to run, what runs, and the way from one to the other.

    While it ``stands_still``, nothing is applied: what is to run is only followed.

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
        self._pace = Pace(settings.agent)
        self._retries = Retries(settings.agent)
        stages = Stages(clock)
        self.desired = Desired(
            renderer,
            reloader,
            settings.output,
            settings.services,
            stages=stages,
            own=own,
            wake=wake,
        )
        keeping = Keeping(store, tell)
        self._generations = Generations(
            number, desired=self.desired, keeping=keeping, tell=tell, reloaded=reloaded
        )
        self._pending = Pending(self._pace, self.desired, self._generations, stages, tell, clock)
        share = own_share(settings.agent.name, settings.state_dir)
        self._looks = Looks(reloader, tell, share=share)
        self._legacy = Legacy(store, self._pace, self._retries.kept, clock)
        known = store.last_snapshot() is not None
        blank = self.desired.blank
        self._applying = Applying(
            settings,
            reloader,
            desired=self.desired,
            generations=self._generations,
            contact=FirstContact(settings, reloader, blank, remembers=known, accept=accept),
            looks=self._looks,
            legacy=self._legacy,
            stages=stages,
            tell=tell,
            clock=clock,
        )
        self._meanwhile = Meanwhile(
            reloader,
            settings.output,
            desired=self.desired,
            generations=self._generations,
            pending=self._pending,
            applying=self._applying,
            clock=clock,
        )
        self._attempts = Attempts(
            self._pace,
            self._retries,
            self._legacy,
            self._looks,
            desired=self.desired,
            generations=self._generations,
            pending=self._pending,
            applying=self._applying,
            meanwhile=self._meanwhile,
            stages=stages,
            tell=tell,
            clock=clock,
            skipped=skipped,
        )
        self._still = Stillness(
            reloader,
            settings.output,
            generations=self._generations,
            pending=self._pending,
            applying=self._applying,
            attempts=self._attempts,
            pace=self._pace,
            tell=tell,
            clock=clock,
        )
        self.stands_still = False

    def change(self, settings: CoreSettings, renderer: Renderer) -> None:
        """Go on with new settings; nothing is dropped."""
        self._settings = settings
        self._applying.change(settings)
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
        self._generations.known = known
        self._still.left = known, written
        self.desired.fitting.known = known or Snapshot()
        if written is not None:
            before = Snapshot() if known is None else self._served(known, written)
            self._generations.passed = before, written

    def _served(self, known: Snapshot, written: Rendered) -> Snapshot:
        with suppress(LbdiscError):
            return served_before(self._reloader, self._settings.output, written, known)
        return known

    @property
    def running(self) -> Generation | None:
        """What runs; ``None`` before the first that this agent brought."""
        return self._generations.running

    @property
    def cause(self) -> Cause:
        """The newest reason why something is to be applied, or was."""
        return self._pending.cause

    def want(self, snapshot: Snapshot, *, arrived: float, cause: Cause) -> None:
        """Have ``snapshot`` run, whose news ``arrived`` then."""
        if snapshot == self.desired.snapshot:
            return
        self.desired.snapshot = snapshot
        if self.desired.pinned is not None:
            return
        self._pending.news(arrived)
        self.changed(arrived, cause)
        self._retries.hurry()
        self._pace.not_before = float("-inf")
        self.hold_off()

    def want_files(self, changed: Sequence[Path]) -> None:
        """Have files that the load balancer reads besides be in use as they are now."""
        self._pending.files = True
        names = tuple(map(str, changed))
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        cause = Cause(source="files", revision=f"{names[0]}{more}")
        self._tell(events.FilesChanged(files=names, cause=cause))
        self._pending.news(self._clock())
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
        return self._pending.in_step

    @property
    def due(self) -> float | None:
        """When ``turn`` has something to do."""
        if self.stands_still:
            return self._still.due
        times = [self._pace.due, None if self.desired.pinned else self.desired.blaming.due]
        if self.running is not None:
            times.append(self._looks.next)
            if self._is_long(self._clock()):
                times.append(self._meanwhile.due)
        return min((t for t in times if t is not None), default=None)

    def turn(self) -> None:
        """Do what is due."""
        now = self._clock()
        if self.stands_still:
            self._still.turn()
            return
        if self._pending.is_due(now):
            self._attempts.bring()
        elif self._is_long(now) and self._meanwhile.may_go_ahead(now):
            self._meanwhile.go_ahead()
        self._look(self._clock())
        self._try_again(self._clock())

    def _is_long(self, now: float) -> bool:
        return self.desired.pinned is None and self._pending.is_long(now)

    @property
    def certain(self) -> bool:
        """Whether the snapshot of what runs is all that it serves, and nothing else."""
        return self.desired.pinned is None and not self._still.guesses

    def pin(self, snapshot: Snapshot, rendered: Rendered, cause: Cause) -> None:
        """Have ``rendered`` run from now on, which serves ``snapshot``.

        Raises ``LbdiscError``; all is as before then, and what runs is looked at again.
        """
        before = self.desired.pinned
        self.desired.pin((snapshot, rendered))
        try:
            self._attempts.bring_pinned(snapshot, rendered, cause)
        except BaseException as error:
            self.desired.pin(before)
            if not isinstance(error, CheckError):
                self.go_on(cause)
            raise

    def pin_again(self, snapshot: Snapshot, rendered: Rendered) -> None:
        """An agent before had pinned that; it is brought as everything is at a start."""
        self.desired.pin((snapshot, rendered))
        self.changed(self._clock(), Cause(source="state"))

    def go_on(self, cause: Cause) -> None:
        """Bring what is desired, and see that it runs."""
        known = (self.desired.snapshot, self.desired.kept, self.desired.pinned)
        if any(each is not None for each in known):
            self._retries.hurry()
            self.changed(self._clock(), cause)
            self._pace.hurry(self._clock())

    def hold_off(self) -> None:
        """The first attempt may be one too many for the load balancer."""
        if self.running is None:
            with suppress(LbdiscError):
                self._legacy.hold_off(self.desired.rendered()[1].digest)

    def changed(self, now: float, cause: Cause) -> None:
        """Something is to be applied, because of ``cause``."""
        self._pending.changed(now, cause)

    def _try_again(self, now: float) -> None:
        """Whether any of those who are left out can come back; not while something waits."""
        if self.desired.snapshot is None or self._pace.due is not None or self.desired.pinned:
            return
        try:
            if self.desired.blaming.look(self.desired.snapshot):
                self.desired.render_anew()
                self.changed(now, Cause(source="trial"))
                self._pace.hurry(now)
        except LbdiscError as error:
            self._attempts.failed(error)

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
        behind = isinstance(self._reloader, Follows) and self._reloader.behind()
        if (self.in_step or self._meanwhile.runs or self._still.runs) and not behind:
            self._generations.tell_written()
        self._generations.look()
        if (trouble := self._legacy.save()) is not None:
            self._tell(trouble)
