"""Holding an entry in the registry: when it is put, renewed, waited for, and taken out.

A registrar knows how its registry holds one entry; this knows when. So nothing is called registered
that ``put`` did not say is ours, and who never held a name touches nothing and says no goodbye.
"""

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import structlog

from lbdisc import handshake
from lbdisc.abilities import Recalls
from lbdisc.backoff import Backoff
from lbdisc.errors import BrokenRegistrar, LbdiscError, RegistrarError, RegistryBusy, SettingsError
from lbdisc.hooks import Entry, Registrar
from lbdisc.settings.tables import AgentSettings
from lbdisc.stopping import StopEvent
from lbdisc.values import Endpoint

HOPELESS = (10.0, 60.0)  # seconds between attempts when an operator has to mend something first
SHARE = 3  # puts in the life of a lease: two may be late or lost
LOOK = 0.5  # seconds between two looks at a registry that cannot tell, or at a name that is taken
FOLLOW = 1.0  # seconds between two looks at the endpoint, whose address may change
FAREWELL = 1.0  # seconds for a clean end over the connection that is there
LAST = 1.0  # seconds for the last attempt, over another one
_log = structlog.get_logger("lbdisc.register")


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How holding ended: ``held``, whether the registry ever had the entry by us.

    ``error`` is why it may have it still; it then goes by itself within ``expires_s`` seconds.
    """

    held: bool
    error: LbdiscError | None = None
    expires_s: float = 0.0


class HoldListener(Protocol):
    """Is told what becomes of the endpoint, from the holding thread."""

    def published(self, endpoint: Endpoint) -> None:
        """The registry holds ``endpoint`` by us."""

    def waiting(self, rival: str) -> None:
        """Another holds the name: ``rival``, as far as that is known."""

    def kept(self, endpoint: Endpoint) -> None:
        """The registry can be told again, and had ``endpoint`` by us all the time."""

    def refused(self, error: LbdiscError, *, held: bool) -> None:
        """The registry cannot be told now; it is tried again. ``held``: it has what it had."""

    def left(self, end: End) -> None:
        """The thread is over."""


class Holder:
    """Holds one endpoint until told to leave. One use: start, perhaps drain, leave.

    ``endpoint`` is read again once a second; ``changed`` has it read at once. ``renewed`` hears,
    in the holding thread and a few times in the life of a lease, how often the registry was told
    again of what it had.
    """

    def __init__(
        self,
        registrar: Registrar,
        endpoint: Callable[[], Endpoint],
        listener: HoldListener,
        pace: AgentSettings,
        renewed: Callable[[Endpoint, int], None] = lambda endpoint, times: None,
    ) -> None:
        self._registrar = registrar
        self._endpoint = endpoint
        self._listener = listener
        self._renewed = renewed
        self._renewals = 0  # that were not told
        self._renewed_at = 0.0
        self._soon = Backoff(pace.retry_first, pace.retry_most)
        self._late = Backoff(*HOPELESS)
        self._draining = threading.Event()
        self._leaving = threading.Event()
        self._abandoned = False  # whether the entry is to stay
        self._stop = StopEvent()  # gives up what is in progress
        self._drain_name = handshake.new_drain()
        self._wake = threading.Event()
        self._own_reason = False  # whether it was we who woke the loop
        self._last: Endpoint | None = None  # what was put last
        self._held = False  # whether the registry has, or may have, the entry by us
        self._unsure = False  # whether a put has begun whose outcome is not known
        self._ever = False
        self._told: Endpoint | str | None = None  # what the listener heard last: an entry, a rival
        self._shaken = False  # whether the entry may have gone since that
        self._refused = False  # whether the listener heard of a refusal since that
        self._lease = 0.0
        self._put_at = 0.0
        self._timer: threading.Timer | None = None
        self._thread = threading.Thread(target=self._run, name="hold", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def changed(self) -> None:
        """The endpoint is another: bring it to the registry at once."""
        self._own_reason = True
        self._wake.set()

    def drain(self) -> None:
        """From now on the endpoint is draining; one that never was registered never will be."""
        self._draining.set()
        self.changed()

    def leave(self) -> None:
        """Take the endpoint out; returns at once, the listener hears when it is done."""
        self._leaving.set()
        self.changed()
        if self._unsure or self._held:  # readers may see it before we know
            self._timer = _later(FAREWELL, self._stop)
        else:
            self._stop.set()

    def abandon(self) -> None:
        """Let go of the endpoint as it is; it stays as long as its lease. Returns at once."""
        self._abandoned = True
        self._leaving.set()
        self.changed()
        self._stop.set()

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    def _run(self) -> None:
        error: LbdiscError | None = None
        while not self._leaving.is_set():
            error = self._attempt()
            if error is None or self._leaving.is_set():
                break
            self._shaken = self._refused = True
            self._listener.refused(error, held=self._lives)
            hopeless = isinstance(error, SettingsError)
            self._leaving.wait((self._late if hopeless else self._soon).next())
        if self._abandoned:
            self._listener.left(End(held=self._ever))
            return
        if (self._held or self._unsure) and not isinstance(error, RegistryBusy):
            error = self._last_attempt() or error
        if self._timer is not None:
            self._timer.cancel()
        self._listener.left(self._end(error))

    @property
    def _lives(self) -> bool:
        """Whether the registry has the entry from the last put, as far as its lease tells."""
        return self._held and time.monotonic() - self._put_at < self._lease

    def _end(self, error: LbdiscError | None) -> End:
        if not (self._held or self._unsure):
            return End(held=self._ever)
        why = error or RegistrarError("the registry did not confirm it")
        return End(held=self._ever, error=why, expires_s=self._lease)

    def _attempt(self) -> LbdiscError | None:
        """Hold the endpoint over one connection until told to leave, or until that fails."""
        with _caught() as caught, self._registrar.open(self._wanted(), self._stop) as entry:
            self._wake = entry.lost or threading.Event()
            self._keep(entry)
            self._farewell(entry)
        return caught.error

    def _keep(self, entry: Entry) -> None:
        while not self._leaving.is_set():
            self._wake.clear()
            self._own_reason = False
            wanted = self._wanted()
            if self._held or not self._draining.is_set():
                self._put(entry, wanted)
            self._wait(entry, wanted)

    def _put(self, entry: Entry, wanted: Endpoint) -> None:
        self._lease, self._unsure = entry.lease, True
        self._held = entry.put(wanted)
        self._unsure = False
        self._put_at = time.monotonic()
        self._soon.reset()
        self._late.reset()
        self._last = wanted if self._held else None
        told: Endpoint | str = wanted if self._held else f"by {entry.rival}"
        same = self._told == told
        refused, shaken, self._told = self._refused, self._shaken, told
        self._refused = self._shaken = False
        if not self._held:
            if not same or refused:
                self._listener.waiting(entry.rival)
            return
        self._ever = True
        if not same or (shaken and not (isinstance(entry, Recalls) and entry.found)):
            self._listener.published(wanted)
            self._renewals, self._renewed_at = 0, self._put_at
        elif refused:
            self._listener.kept(wanted)
        else:
            self._renew(wanted, entry.lease / SHARE)

    def _renew(self, endpoint: Endpoint, pace: float) -> None:
        self._renewals += 1
        if self._put_at - self._renewed_at >= pace / 2:
            times, self._renewals = self._renewals, 0
            self._renewed_at = self._put_at
            self._renewed(endpoint, times)

    def _wait(self, entry: Entry, put: Endpoint) -> None:
        """Until there is a reason to put again: news, a change, or the pace."""
        pace = entry.lease / SHARE
        if entry.lost is None or not self._held:
            pace = min(pace, LOOK)
        end = time.monotonic() + pace
        look = time.monotonic() + FOLLOW
        while not self._leaving.is_set() and (now := time.monotonic()) < end:
            if self._wake.wait(min(end, look) - now):
                if self._held and not self._own_reason:
                    self._shaken = True  # if it was lost, its return is told
                return
            if look < end and self._wanted() != put:
                return
            look = time.monotonic() + FOLLOW

    def _wanted(self) -> Endpoint:
        endpoint = self._endpoint()
        return handshake.begun(endpoint, self._drain_name) if self._draining.is_set() else endpoint

    def _farewell(self, entry: Entry) -> None:
        if self._last is not None and not self._abandoned:
            self._take_out(entry, self._last)

    def _last_attempt(self) -> LbdiscError | None:
        """What the connection that broke could not take out, another one may."""
        last, late = self._last or self._wanted(), threading.Event()
        timer = _later(LAST, late)
        with _caught() as caught, self._registrar.open(last, late) as entry:
            self._take_out(entry, last)
        timer.cancel()
        return caught.error

    def _take_out(self, entry: Entry, last: Endpoint) -> None:
        """Say that the endpoint drains, unless that was said, and take it out."""
        error = None
        if self._held and not last.draining:
            try:
                self._held = entry.put(last.drain())
            except Exception as refused:  # noqa: BLE001 - foreign code; the removal may pass
                error = refused
        if self._held or self._unsure:
            entry.remove()
            if error is not None:
                _log.warning("left without draining", why=str(error))
        self._held = self._unsure = False


@dataclass(slots=True)
class _Caught:
    error: LbdiscError | None = None


@contextmanager
def _caught() -> Iterator[_Caught]:
    """What a registrar raises; what it may not raise as ``BrokenRegistrar``."""
    caught = _Caught()
    try:
        yield caught
    except LbdiscError as error:
        caught.error = error
    except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code stops no instance
        caught.error = BrokenRegistrar(f"the registrar broke: {type(error).__name__}")
        caught.error.__cause__ = error


def trace_of(error: LbdiscError) -> str:
    """The traceback of a plugin that broke, ``""`` for what was raised on purpose."""
    broke = isinstance(error, BrokenRegistrar) and error.__cause__
    return "".join(traceback.format_exception(broke)) if broke else ""


def _later(seconds: float, event: threading.Event) -> threading.Timer:
    timer = threading.Timer(seconds, event.set)
    timer.daemon = True
    timer.start()
    return timer
