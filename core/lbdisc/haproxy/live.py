"""The worker that runs now: what it runs, and how it is changed without a reload."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from lbdisc.haproxy.around import Around
from lbdisc.haproxy.beside.steps import FileStep
from lbdisc.haproxy.departures import leave_over
from lbdisc.haproxy.errors import HaproxyError, Occupied, Refused, Unreachable
from lbdisc.haproxy.language.text import Configuration
from lbdisc.haproxy.planning.plan import InMaintenance, Key, Plan, plan
from lbdisc.haproxy.planning.proxies import is_http
from lbdisc.haproxy.slow_start import has_slow_start, is_warming_up
from lbdisc.haproxy.sockets.commands import Command, DeleteServer, SetState, WaitRemovable
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.haproxy.stick_tables import forgets_users
from lbdisc.haproxy.verify import differences
from lbdisc.haproxy.versions import Features

# Seconds after a change that belong to the first requests: on few processors, what follows (reading
# back, the file, the journal) kept them waiting, 0.7 ms in the median and 5 ms at worst (measured).
BREATH = 0.005
IMPATIENCE = 12  # quiet times after which servers are settled although there was no quiet
SPREAD = 2  # quiet times over which those who saw the same changes settle
HURRY = 4  # quiet times before the end of patience over which they do
WARM_UP = 600.0  # seconds at most that settling waits for slow starts
AT_ONCE = 50  # servers to delete in one go; the next come a second later


class Live:
    """One worker: ``pid`` runs ``text``, and keeps ``in_maintenance`` servers waiting.

    Those of them in ``leaving`` wait at weight 0 for their last session, since when (seconds of
    ``clock``) is their value. ``model`` is that of ``text`` with what is ``around`` it.

    Before HAProxy 3.0 a server added at run time never reuses connections; ``unsettled`` tells when
    (seconds of ``clock``) the first and the last of such servers came to a proxy of mode http,
    ``None`` if none did or a reload would cost users their place in a stick table.

    A connection is kept open between changes. It would keep the worker alive after a reload, so
    ``close`` it before one, and when the worker may not be the one that serves any more. ``share``
    (0 to 1) is this balancer's own of what a fleet spreads. ``socket`` is where it takes orders,
    ``""`` where it cannot be met; what the text tells by default.
    """

    def __init__(
        self,
        pid: int,
        text: str,
        model: Configuration,
        features: Features,
        clock: Callable[[], float],
        *,
        share: float = 0.0,
        socket: str | None = None,
        around: Around | None = None,
    ) -> None:
        self.pid = pid
        self.socket = model.runtime_socket if socket is None else socket
        self.model = self._met(model)
        self.text = text
        self.around = around or Around()
        self.features = features
        self.in_maintenance: InMaintenance = {}
        self.leaving: Mapping[Key, float] = {}
        self.unsettled: tuple[float, float] | None = None
        self._clock = clock
        self._share = share
        self._turn = 0  # which of the servers in maintenance are looked at next
        self._kept: Runtime | None = None

    def close(self) -> None:
        """Let go of the connection; the next change opens a new one."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    @property
    def connected(self) -> bool:
        """Whether the next change finds a connection."""
        return self._kept is not None and self._kept.connected

    def connect(self) -> None:
        """Have a connection ready, so that the next change need not wait for one."""
        if self.socket and self._may_keep:
            with suppress(HaproxyError):
                self._runtime()

    def _met(self, model: Configuration) -> Configuration:
        """``model``, which also tells where its worker is met."""
        return model if model.runtime_socket == self.socket else replace(model, met=self.socket)

    @property
    def _may_keep(self) -> bool:
        """Whether a kept connection leaves room for what is asked, and for an operator."""
        return self.model.stats_connections > 2

    def plan(self, candidate: str, *, max_changes: int) -> Plan:
        """The way from here to ``candidate``."""
        whole = self.around.whole
        found = plan(
            whole(self.text),
            whole(candidate),
            features=self.features,
            in_maintenance=self.in_maintenance,
            leaving=self.leaving,
            max_changes=max_changes,
        )
        spoken = tuple(self.around.spoken(reason, candidate) for reason in found.reasons)
        return replace(found, reasons=spoken) if spoken else found

    def bring(self, planned: Plan, candidate: str, model: Configuration) -> None:
        """Carry out a plan that needs no reload. Raises ``HaproxyError`` when it is cut short.

        ``Occupied`` is raised before anything is done, where the plan is for another moment.
        """
        if planned.quiet:
            self._check_quiet(planned.quiet)
        if planned.commands:
            self._send(planned.commands)
            if not self._may_keep:
                self.close()
            time.sleep(BREATH)
            with Runtime(self.socket, worker=self.pid) as runtime:
                self._read_back(runtime, planned, model)
        self.text, self.model = candidate, self._met(model)
        self.in_maintenance = planned.in_maintenance
        now = self._clock()
        self.leaving = {key: self.leaving.get(key, now) for key in sorted(planned.leaving)}
        http = any(is_http(model.proxies[proxy]) for proxy, _ in planned.added)
        if http and not self.features.reuses_connections and not forgets_users(self.model):
            self.unsettled = (self.unsettled[0] if self.unsettled else now), now

    def take_files(self, steps: Sequence[FileStep], origin: Path) -> None:
        """Bring in files; relative words of HAProxy mean ``origin``.

        Raises ``HaproxyError``; each file is then as it was or as it should be.
        """
        with self._talking() as runtime:
            for step in steps:
                step.bring(runtime, origin)

    def settles(self, after: float | None) -> bool:
        """Whether added servers have waited for ``after`` seconds of quiet, or long enough.

        Of a fleet each waits for its own share of two more such times.
        """
        if self.unsettled is None or not after:
            return False
        first, last = self.unsettled
        quiet = last + (1 + SPREAD * self._share) * after
        return self._clock() >= min(quiet, first + (IMPATIENCE - HURRY * self._share) * after)

    def warms_up(self) -> bool:
        """Whether a server is in its slow start, which a reload would begin anew; for a while."""
        if self.unsettled is None or not has_slow_start(self.model):
            return False
        if self._clock() > self.unsettled[0] + WARM_UP:
            return False
        with suppress(HaproxyError), self._talking() as runtime:
            return any(is_warming_up(row) for row in runtime.stats())
        return False

    def begin_anew(self) -> None:
        """Wait once more for what failed; who leaves has its whole time again."""
        now = self._clock()
        self.unsettled = self.unsettled and (now, now)
        self.leaving = dict.fromkeys(self.leaving, now)

    def _send(self, commands: Sequence[Command]) -> None:
        """Over a new connection where HAProxy closes the kept one at this very moment."""
        kept = self._kept is not None
        try:
            with self._talking() as runtime:
                runtime.run(commands)
        except Unreachable:
            if not kept:
                raise
            with self._talking() as runtime:
                runtime.run(commands)

    def _check_quiet(self, servers: Sequence[Key]) -> None:
        with self._talking() as runtime:
            for proxy in sorted({proxy for proxy, _ in servers}):
                for row in runtime.connections(proxy):
                    if row.used and (proxy, row.server) in servers:
                        raise Occupied(f"server {proxy}/{row.server} moves, and is still in use")

    def _read_back(self, runtime: Runtime, planned: Plan, model: Configuration) -> None:
        """HAProxy itself says that the servers are what they should be. Raises ``HaproxyError``."""
        changed = {(command.proxy, command.server) for command in planned.commands}
        for proxy in sorted({proxy for proxy, _ in changed}):
            names = {server for owner, server in changed if owner == proxy}
            states = runtime.servers_named(proxy, names)
            keys = [(proxy, name) for name in names]
            if found := differences(model, states, only=keys, leaving=planned.leaving):
                raise HaproxyError(f"server {found[0][0]} {found[0][1]} after the change")

    def compared(self, wanted: Configuration) -> str:
        """What the worker's servers have that ``wanted`` has not, or the other way round."""
        if not self.socket:
            return ""  # nothing to ask
        try:
            with Runtime(self.socket) as runtime:
                _, states = runtime.observe(pid=self.pid)
        except HaproxyError as error:
            return str(error)
        found = differences(wanted, states, leaving=self.leaving)
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return f"server {found[0][0]} {found[0][1]}{more}" if found else ""

    @contextmanager
    def _talking(self) -> Iterator[Runtime]:
        """The connection; after an error it is not kept."""
        try:
            yield self._runtime()
        except BaseException:
            self.close()
            raise

    def _runtime(self) -> Runtime:
        """A connection to this very worker, and no other that shares the socket."""
        if self._kept is not None and self.connected:
            return self._kept
        self.close()
        runtime = Runtime(self.socket, worker=self.pid)
        try:
            runtime.connect()
        except BaseException:
            runtime.close()
            raise
        self._kept = runtime
        return runtime

    def end_leaves(self) -> None:
        """Set in maintenance those at weight 0 whose last session has ended."""
        if not self.leaving:
            return
        with suppress(HaproxyError), self._talking() as runtime:
            if over := leave_over(runtime, self.leaving):
                runtime.run([SetState(*key, "maint") for key in over])
                self.leaving = {k: since for k, since in self.leaving.items() if k not in over}
                # Plans that were made before are for servers at weight 0.
                self.in_maintenance = dict(self.in_maintenance)

    def waits_too_long(self, limit: float | None) -> str:
        """A server that has been leaving for more than ``limit`` seconds, ``""`` for none."""
        now = self._clock()
        late = (key for key, since in self.leaving.items() if limit and now - since > limit)
        return next(("/".join(key) for key in late), "")

    def _next_in_maintenance(self) -> list[Key]:
        """Some at a time, in turn: none waits for others that keep a connection for long."""
        waiting = [key for key in self.in_maintenance if key not in self.leaving]
        start = self._turn % len(waiting)
        self._turn = start + AT_ONCE if start + AT_ONCE < len(waiting) else 0
        return (waiting[start:] + waiting[:start])[:AT_ONCE]

    def delete_from_maintenance(self) -> int:
        """Delete servers in maintenance that have no connection left; returns how many went."""
        if len(self.in_maintenance) == len(self.leaving) or not self.features.can_delete:
            return 0
        gone = []
        with suppress(HaproxyError), self._talking() as runtime:
            for proxy, name in self._next_in_maintenance():
                # A refused `del server` is an alert in HAProxy's log: it is asked before.
                with suppress(Refused):
                    runtime.run([WaitRemovable(proxy, name, 1)])
                    runtime.run([DeleteServer(proxy, name)])
                    gone.append((proxy, name))
        self.in_maintenance = {
            key: line for key, line in self.in_maintenance.items() if key not in gone
        }
        return len(gone)
