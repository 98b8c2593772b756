"""The agent: registry → snapshot → guard → steer → merge → render → apply → verify, one direction.

``Balancing`` has the newest judged snapshot; everything right of the guard happens here, in one
thread, one turn after the other. ``Steering`` has the operators' word, and ``Bringing`` what
happens from the merge on.
"""

import time
from collections.abc import Callable
from threading import Event

from structlog import get_logger

from lbdisc import collecting, events
from lbdisc.abilities import Ends, Interrupts, Observes
from lbdisc.absent import AbsentService, absent_services
from lbdisc.agent.beside import FileLooks
from lbdisc.agent.bringing import Bringing
from lbdisc.agent.control_socket import ControlSocket
from lbdisc.agent.digesting import fingerprint
from lbdisc.agent.fleet_looks import FleetLooks
from lbdisc.agent.fleet_wheel import FleetWheel
from lbdisc.agent.guarding import Guarding
from lbdisc.agent.held import GuardMemory
from lbdisc.agent.leaving import Leave
from lbdisc.agent.looking import LIFE_SIGN
from lbdisc.agent.naming import NameLooks
from lbdisc.agent.own_endpoints import OwnEndpoints
from lbdisc.agent.presence import Presence
from lbdisc.agent.pulse import Pulse
from lbdisc.agent.skipping import Skipping
from lbdisc.agent.starting import await_first, await_moves, left_in
from lbdisc.agent.status import Status
from lbdisc.agent.steering import Steering
from lbdisc.agent.watching import Wake, Watcher
from lbdisc.builtin.systemd.notify import Notifier
from lbdisc.events import Cause
from lbdisc.hooks import Reloader, Renderer
from lbdisc.listening.listeners import Listeners
from lbdisc.orders import ANSWERS, OperatorOrder, OrderReply
from lbdisc.settings.tables import CoreSettings
from lbdisc.state.store import Store
from lbdisc.values import Snapshot

log = get_logger("lbdisc.control")


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
        self._bringing = Bringing(
            settings,
            renderer=renderer,
            reloader=reloader,
            store=store,
            number=status.earlier_number,
            tell=listeners.tell,
            wake=wake.call,
            clock=clock,
            accept=accept,
            skipped=lambda: self._tell_problems(self._bringing.cause),
            own=OwnEndpoints(reloader, settings.output, lambda: self._watcher.balancing).without,
            reloaded=lambda because_of: self._watcher.balancing.reloaded(because_of),
        )
        self._taken: Snapshot | None = None
        self._skipping = Skipping(listeners.tell)
        self._absent: tuple[AbsentService, ...] = ()
        self._guarding = Guarding(reloader, store, listeners.tell, clock)
        self._names = NameLooks(reloader, clock)
        self._fleet = FleetLooks(listeners.tell)
        self._beside = FileLooks(reloader, listeners.tell, wake.call, clock)
        self._ready = False
        self._pulse = Pulse(store, status, reloader, listeners.tell)
        self._steering = Steering(
            store,
            listeners.tell,
            bringing=self._bringing,
            reloader=reloader,
            status=status,
            clock=clock,
        )
        self._wheel = FleetWheel(
            self._steering, listeners.tell, lambda: self._presence, clock=clock
        )
        self._control = ControlSocket(
            store.folder, wake.ask, self._obey, group=settings.agent.control_group
        )

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
        self._watcher.balancing.tell_held()
        self._steering.begin()
        self._say_status()
        self._pulse.start()
        self._control.start()
        self._watcher.start()
        self._begin(stop)
        leave = Leave(self._reloader, self._tell, self._clock, hurry=hurry or Event(), ends=ends)
        while not leave.over(stop):
            self._wake.do_errands()
            self._guarding.turn(self._watcher.balancing, running=self._bringing.running is not None)
            self._names.turn(self._watcher.balancing, running=self._bringing.running is not None)
            self._watcher.look_again()
            self._take_newest()
            self._skipping.turn(self._clock())
            self._take_files()
            self._take_orders()
            self._bringing.turn()
            self._look_at_drains()
            self._fleet.look(self._watcher.balancing.published, time.time())
            self._steering.turn()
            self._report()
            collecting.resume()
            self._wake.wait(self._until_next(self._clock()))

    def interrupt(self) -> None:
        """Have ``run`` not wait for what takes long; for a signal handler, beside ``stop``."""
        if isinstance(self._reloader, Interrupts):
            self._reloader.interrupt()

    def close(self, *, ends: bool = False) -> None:
        """Let go of the registry and of the load balancer, which ``ends`` with the agent or not."""
        self._control.stop()
        self._pulse.stop()
        self._beside.stop()
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
        running = self._bringing.running
        return running.snapshot if running else Snapshot()

    @property
    def memory(self) -> GuardMemory:
        """What is balanced and held now, for the guard of another watcher."""
        return self._watcher.balancing.memory

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
        watcher.balancing.tell_dropped(self._watcher.balancing.held)
        self._watcher, self._settings = watcher, settings
        watcher.start()
        self._bringing.change(settings, renderer)
        self._taken = None
        self._beside.look_at_all()
        self._bringing.changed(self._clock(), Cause(source="settings"))
        self._steering.look_again()

    def _begin(self, stop: Event) -> None:
        """Start from the registry, or where that does not answer from what was known last."""
        known, written = self._store.last_snapshot(), left_in(self._settings.output)
        known = known and known.only(self._settings.services)
        self._bringing.resume(known, written)
        self._steering.pin_again(known)
        on_disk = known is not None or written is not None
        first = await_first(self._watcher, self._wake, stop, self._clock, known_from_disk=on_disk)
        if first and known is None:
            await_moves(self._watcher, self._wake, stop, self._clock)
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
            self._bringing.desired.kept = written
        else:
            before = self._steering.restored(known or Snapshot()).only(self._settings.services)
            passed = self._watcher.balancing.admitted(before)
            self._bringing.desired.snapshot = self._steering.overruled(passed)
        self._bringing.changed(self._clock(), cause)
        self._bringing.hold_off()

    def _take_newest(self) -> None:
        newest = self._watcher.newest
        if newest is None or newest.snapshot is self._taken:
            return
        self._taken = newest.snapshot
        self._tell_problems(newest.cause)
        self._tell_absent(absent_services(newest.snapshot, self._settings.services), newest.cause)
        snapshot = self._steering.overruled(newest.snapshot.only(self._settings.services))
        self._bringing.want(snapshot, arrived=newest.arrived, cause=newest.cause)

    def _take_orders(self) -> None:
        """Those to the fleet; which of its entries are bad."""
        published = self._watcher.balancing.published
        if self._wheel.turn(published, on=self._settings.agent.fleet_orders):
            self._tell_problems(Cause(source=self._settings.backend))

    def _take_files(self) -> None:
        running = self._bringing.running
        if changed := self._beside.turn(running.number if running else 0):
            self._bringing.want_files(changed)
            self._steering.look_again()
        if self._beside.mended:
            self._bringing.hurry()

    def _look_at_drains(self) -> None:
        newest = self._watcher.newest
        self._presence.look(
            newest and newest.snapshot,
            self._bringing.running,
            self._reloader,
            left_out={*self._bringing.desired.blaming.left_out, *self._steering.left_out},
            apart=newest.apart if newest else (),
            certain=self._bringing.certain,
        )

    def _obey(self, order: OperatorOrder, by: str) -> OrderReply:
        if order.ask == ANSWERS:
            return self._wheel.answers(order.what)
        if order.fleet:
            return self._wheel.give(order, by)
        if order.ask.startswith("guard."):
            reply = self._guarding.obey(self._watcher.balancing, order.ask, order.what)
            log.info("order", ask=order.ask, what=order.what, by=by, because=reply.text)
            return OrderReply(reply.done, reply.text)
        return self._steering.obey(order, by)

    def _tell_problems(self, cause: Cause) -> None:
        """Entries that are skipped now; each is told once."""
        desired = self._bringing.desired
        taken = Snapshot() if self._taken is None else self._taken  # an empty one has some, too
        more = taken.more + desired.blaming.unnamed
        problems = (*sorted(desired.problems), *self._wheel.problems, *taken.problems)
        self._skipping.look(problems, more, cause=cause, now=self._clock())
        self._status.skipped(*self._skipping.here)

    def _tell_absent(self, absent: tuple[AbsentService, ...], cause: Cause) -> None:
        if absent != self._absent:
            told = events.ServicesAbsent if absent else events.ServicesPresent
            self._tell(told(services=absent or self._absent, cause=cause))
        self._absent = absent

    def _until_next(self, now: float) -> float:
        """Seconds until something is due."""
        times = [now + LIFE_SIGN, self._bringing.due, self._watcher.due, self._guarding.due]
        times += [self._presence.due, self._beside.due, self._names.due, self._skipping.due]
        times.append(self._steering.due)
        if self._notifier.watchdog:
            times.append(now + self._notifier.watchdog / 3)
        return max(0.0, min(t for t in times if t is not None) - now)

    def _report(self) -> None:
        running = self._bringing.running
        self._bringing.report()
        if self._notifier.watchdog:
            self._notifier.send("WATCHDOG=1")
        self._listeners.look()
        self._pulse.turned(running.snapshot if running else None)
        if old := self._pulse.news():
            self._tell(old)
        self._say_status()
        if running is not None and not self._ready:
            self._ready = True
            self._tell(events.ProgramReady(generation=running.number))

    def _say_status(self) -> None:
        if (told := self._status.save()) is not None:
            self._tell(told)
