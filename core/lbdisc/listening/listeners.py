"""Telling listeners: whatever they do, nobody waits for them and nothing stops.

Each listener of a plugin hears in a thread of its own, behind a queue that has an end, and a moment
later (``GATHER``). The core's own hear in the thread that tells: a line is out before what follows
it happens, and the status is true before anybody is told to look at it.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from queue import Empty, Full, Queue
from threading import Event as Flag
from threading import Lock, RLock, Thread
from types import TracebackType
from typing import Self

from lbdisc.events import Event, PluginBroken
from lbdisc.hooks import Listener
from lbdisc.listening.repeats import Repeats
from lbdisc.showing import raised

ROOM = 1000  # events that may wait for one listener; what comes then is skipped for it
FULL = f"its queue is full: {ROOM} events wait"
SLOW = 1.0  # seconds in one ``hear`` after which a listener is named
GATHER = 0.05  # seconds: what a change brings is heard when the change is made, not beside it
LAST = 0.5  # seconds for all listeners together to end
Tell = Callable[[Event], None]


class Listeners:
    """Everyone who hears. ``wake`` is called when ``look`` has something to say."""

    def __init__(
        self, own: Sequence[Listener] = (), *, wake: Callable[[], None] = lambda: None
    ) -> None:
        self._own = list(own)
        self._wake = wake
        self._ears: list[_Ear] = []
        self._lock = RLock()

    def add(self, listener: Listener) -> None:
        """One of the core's own: heard of everything in the thread that tells."""
        self._own.append(listener)

    def start(self, name: str, plugin: str, create: Callable[[], Listener]) -> None:
        """One of a plugin, made and called in a thread of its own."""
        self._ears.append(_Ear(f"{plugin}, listener {name}", create, self._wake))

    def tell(self, event: Event) -> None:
        """Tell everyone, from any thread, in one order for all; returns at once."""
        with self._lock:
            for listener in self._own:
                with suppress(OSError):  # a standard error that nobody takes stops nobody
                    listener.hear(event)
            for ear in self._ears:
                ear.put(event)

    def look(self) -> None:
        """Tell what listeners have done wrong since the last look; to be called now and then."""
        for ear in self._ears:
            for broken in ear.faults():
                self.tell(broken)

    def close(self) -> None:
        """Let everyone finish, within half a second; who does not is left behind."""
        end = time.monotonic() + LAST
        for ear in self._ears:
            ear.leave()
        for ear in self._ears:
            ear.join(max(0.0, end - time.monotonic()))
        ears, self._ears = self._ears, []
        for ear in ears:
            for broken in ear.faults():
                self.tell(broken)
        for listener in self._own:
            listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Ear:
    """The thread of one listener, its queue, and what went wrong there."""

    def __init__(
        self, plugin: str, create: Callable[[], Listener], wake: Callable[[], None]
    ) -> None:
        self._plugin = plugin
        self._create = create
        self._wake = wake
        self._queue: Queue[Event | None] = Queue(ROOM)
        self._lock = Lock()
        self._repeats = Repeats()
        self._times = 0
        self._found: list[tuple[str, bool]] = []  # to be told, and whether it was before
        self._missed = self._unheard = 0  # events, until others and the listener itself are told
        self._deaf = False
        self._leaving = Flag()
        self._began: float | None = None  # when the call that goes on was made
        self._thread = Thread(target=self._run, name=f"listener {plugin}", daemon=True)
        self._thread.start()

    def put(self, event: Event) -> None:
        broken = event if isinstance(event, PluginBroken) else None
        if self._deaf or (broken and broken.plugin == self._plugin):
            return
        try:
            self._queue.put_nowait(event)
        except Full:
            # Two that are full would tell each other of it for ever.
            if not broken:
                self._fault(FULL, missed=1)

    def faults(self) -> list[PluginBroken]:
        """What went wrong since the last call; the same more than once is one."""
        began = self._began
        if began is not None and time.monotonic() - began > SLOW:
            self._began = None  # named once for each call
            self._fault(f"a call takes longer than {SLOW:g} s")
        with self._lock:
            found, self._found = self._found, []
            times, missed = self._times, self._missed
            if FULL in [reason for reason, _ in found]:
                self._missed = 0
        return [
            PluginBroken(
                plugin=self._plugin,
                error=reason,
                times=times,
                again=again,
                dropped=missed if reason == FULL else None,
            )
            for reason, again in found
        ]

    def leave(self) -> None:
        """Hear what waits, then close."""
        self._leaving.set()
        while True:
            try:
                self._queue.put_nowait(None)
            except Full:
                with suppress(Empty):
                    self._queue.get_nowait()
            else:
                return

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._fault("it did not end in time and was left behind")

    def _run(self) -> None:
        made: list[Listener] = []
        if not self._did(lambda: made.append(self._create())):
            self._deaf = True
            return
        listener = made[0]
        while (event := self._next()) is not None:
            if told := self._own_fault():
                self._did(partial(listener.hear, told))
            self._did(partial(listener.hear, event))
        self._did(listener.close)

    def _next(self) -> Event | None:
        """The next event; ``None`` at the end.

        Who waited for it waits a little more: a change is told in several events, and whoever hears
        the first at once takes the processor from the thread that makes the change (one thread at
        a time runs Python).
        """
        try:
            return self._queue.get_nowait()
        except Empty:
            event = self._queue.get()
            self._leaving.wait(GATHER)
            return event

    def _own_fault(self) -> PluginBroken | None:
        """What the listener is told of itself: how much it has missed, if anything."""
        if not self._unheard:
            return None
        with self._lock:
            missed, self._unheard = self._unheard, 0
        return PluginBroken(plugin=self._plugin, error=FULL, dropped=missed)

    def _did(self, call: Callable[[], object]) -> bool:
        """Make a call into the plugin; whether it went well."""
        self._began = time.monotonic()
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - foreign code; even its exit ends only itself
            self._fault(raised(error))
            return False
        finally:
            self._began = None
        return True

    def _fault(self, reason: str, *, missed: int = 0) -> None:
        with self._lock:
            self._times += 1
            self._missed += missed
            self._unheard += missed
            again = self._repeats.count("", reason) > 1
            if not (again and self._found):
                self._found.append((reason, again))
                self._wake()
