"""Running a discovery or a registrar as the core runs it: in a thread, again after each failure."""

import time
from collections.abc import Callable
from dataclasses import replace
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from lbdisc.errors import BrokenRegistrar, DiscoveryError, LbdiscError, SettingsError
from lbdisc.hooks import Discovery, Registrar
from lbdisc.register.holding import End, Holder
from lbdisc.settings.tables import AgentSettings
from lbdisc.testing.recorder import Recorder
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint, Snapshot

RETRY = 0.05  # seconds; the core's back-off begins with 0.2
STOP_WITHIN = 1.0  # seconds, as the contract says
SLACK = 1.0  # seconds that a busy machine may add to the promised one
HANG = 15.0  # seconds after which a thread that does not stop is given up
PACE = AgentSettings(retry_first=RETRY, retry_most=2 * RETRY)


class _Running:
    """A thread that calls a role until stopped. An error the core would not retry ends it."""

    retried: type[LbdiscError]

    def __init__(self, name: str) -> None:
        self.errors: list[LbdiscError] = []
        self.broken: BaseException | None = None
        self.calls = 0
        self.stopped_in = 0.0
        self._stop = Event()
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def _call(self, stop: Event) -> None:
        raise NotImplementedError

    def _run(self) -> None:
        while not self._stop.is_set():
            self.calls += 1
            try:
                self._call(self._stop)
                if not self._stop.is_set():
                    raise AssertionError("it returned before it was stopped")
            except self.retried as error:
                self.errors.append(error)
                self._stop.wait(RETRY)
            except BaseException as error:  # noqa: BLE001 - kept for the thread that asks
                self.broken = error
                return

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ask it to return and wait; raises what broke it, or ``AssertionError`` for a hang.

        ``stopped_in`` is then how many seconds that took.
        """
        asked = time.monotonic()
        self._stop.set()
        self._thread.join(HANG)
        self.stopped_in = self.stopped_in or time.monotonic() - asked
        assert not self._thread.is_alive(), f"{self._thread.name} did not return when stopped"
        self.check()

    def check(self) -> None:
        """Raise what broke it, if something did."""
        if self.broken is not None:
            raise AssertionError(f"{self._thread.name} ended: {self.broken!r}") from self.broken

    def failed(self, *, deadline: float) -> LbdiscError:
        """Wait for the first error that the core would retry."""
        eventually(lambda: self.errors or self.broken, deadline=deadline, what="an error")
        self.check()
        return self.errors[-1]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.stop()
        else:  # the test's own failure is the one to show
            self._stop.set()
            self._thread.join(HANG)


class Watching(_Running):
    """Watches a discovery in a ``with`` block; ``seen`` records what it publishes."""

    retried = DiscoveryError

    def __init__(self, discovery: Discovery, *, keep: int | None = None) -> None:
        super().__init__("watching")
        self.seen = Recorder(keep)
        self._discovery = discovery

    def _call(self, stop: Event) -> None:
        self._discovery.watch(self.seen, stop)

    def until(
        self, wanted: Callable[[Snapshot], Any], *, deadline: float, what: str = ""
    ) -> Snapshot:
        """Wait for a snapshot as ``wanted``; shows the discovery's errors if it does not come."""
        try:
            return self.seen.until(lambda s: bool(wanted(s)), deadline=deadline, what=what)
        except AssertionError as error:
            self.check()
            raise AssertionError(f"{error}; errors so far: {self.errors[-3:]}") from None


class Holding:
    """Holds an endpoint in a ``with`` block, by the loop of the core; ``change`` it while held.

    ``published``: the registry has the endpoint by this registrar; ``said`` has all that was ever
    said to be published, in order. ``rival``: who holds the name instead, ``None`` while nobody
    does; ``rivals`` has all there were. An error that no registrar may raise, and one that only an
    operator can mend, ends it: ``broken``.
    """

    def __init__(self, registrar: Registrar, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.published = False
        self.said: list[Endpoint] = []
        self.rival: str | None = None
        self.rivals: list[str] = []
        self.errors: list[LbdiscError] = []
        self.broken: BaseException | None = None
        self.end: End | None = None
        self.stopped_in = 0.0
        self._holder = Holder(registrar, lambda: self.endpoint, _Heard(self), PACE)

    def change(self, **members: Any) -> Endpoint:
        """Give the endpoint other members; returns it as it is now."""
        self.endpoint = replace(self.endpoint, **members)
        self._holder.changed()
        return self.endpoint

    def start(self) -> Self:
        self._holder.start()
        return self

    def leave(self) -> None:
        """Begin to leave; returns at once."""
        self._holder.leave()

    def stop(self) -> None:
        """Leave and wait; raises what broke it, or ``AssertionError`` for a hang.

        ``stopped_in`` is then how many seconds that took, ``end`` how it ended.
        """
        asked = time.monotonic()
        self._holder.leave()
        self._holder.join(HANG)
        self.stopped_in = self.stopped_in or time.monotonic() - asked
        assert self.end is not None, f"holding {self.endpoint.name} did not end when stopped"
        self.check()

    def check(self) -> None:
        """Raise what broke it, if something did."""
        if self.broken is not None:
            raise AssertionError(f"holding ended: {self.broken!r}") from self.broken

    def failed(self, *, deadline: float) -> LbdiscError:
        """Wait for the first error that the core would retry."""
        eventually(lambda: self.errors or self.broken, deadline=deadline, what="an error")
        self.check()
        return self.errors[-1]

    def held(self, *, deadline: float) -> None:
        """Wait until the registry has the endpoint by this registrar."""
        eventually(lambda: self.published or self.broken, deadline=deadline, what="registered")
        self.check()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.stop()
        else:  # the test's own failure is the one to show
            self._holder.leave()
            self._holder.join(HANG)


class _Heard:
    """What the holding thread says, kept in the ``Holding``."""

    def __init__(self, holding: Holding) -> None:
        self._holding = holding

    def published(self, endpoint: Endpoint) -> None:
        self._holding.said.append(endpoint)
        self._holding.published, self._holding.rival = True, None

    def waiting(self, rival: str) -> None:
        self._holding.published, self._holding.rival = False, rival
        self._holding.rivals.append(rival)

    def kept(self, endpoint: Endpoint) -> None:
        self._holding.published, self._holding.rival = True, None

    def refused(self, error: LbdiscError, *, held: bool) -> None:
        self._holding.published = False
        if isinstance(error, BrokenRegistrar):
            self._holding.broken = error.__cause__ or error
        elif isinstance(error, SettingsError):
            self._holding.broken = error
        else:
            self._holding.errors.append(error)

    def left(self, end: End) -> None:
        self._holding.published, self._holding.end = False, end
