"""Reloader ``haproxy``: the file is the truth, the process is brought to it without a lost request.

*Managed* (the default): lbdisc starts HAProxy and watches over it. *Attached*: S6 or systemd runs
it in master-worker mode, lbdisc uses its sockets. The addresses of the runtime socket and of the
server-state file are read from the configuration itself, so that any template works.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from lbdisc import atomic
from lbdisc.beside import FilesBeside
from lbdisc.errors import ApplyError
from lbdisc.examining import Examination
from lbdisc.haproxy.advice import advice
from lbdisc.haproxy.at_run_time import AtRunTime
from lbdisc.haproxy.deciding import Deciding
from lbdisc.haproxy.descriptors import allowed, checks, room_in
from lbdisc.haproxy.drains import HaproxyDrains
from lbdisc.haproxy.ending import Ending
from lbdisc.haproxy.errors import Forbidden, HaproxyError
from lbdisc.haproxy.first_contact import servers_in
from lbdisc.haproxy.inspecting import HaproxyInspection
from lbdisc.haproxy.loading import Loading
from lbdisc.haproxy.noticing import Noticing
from lbdisc.haproxy.observing import HaproxyHealth
from lbdisc.haproxy.occupied import OccupiedPlaces
from lbdisc.haproxy.parts import Parts
from lbdisc.haproxy.renewing import Renewing
from lbdisc.haproxy.resolved import HaproxyAddresses
from lbdisc.haproxy.settings import HaproxySettings
from lbdisc.haproxy.steps import Steps
from lbdisc.haproxy.tending import Tending
from lbdisc.hooks import Renderer
from lbdisc.losses import ProxyServer
from lbdisc.observed import ServerHealth
from lbdisc.planned import Applied, Planned
from lbdisc.rendered import Rendered
from lbdisc.room import Room
from lbdisc.values import Endpoint, Snapshot


class HaproxyReloader:
    """Checks, writes and reloads; brings back the last good file when that fails."""

    def __init__(self, settings: HaproxySettings) -> None:
        parts = self._parts = Parts(settings)
        self._settings = parts.settings
        self._memory = parts.memory
        self._workers = parts.workers
        self._names = parts.names
        self._look = parts.look
        self._beside = parts.beside
        self._running = parts.running
        self._around = parts.around
        self._follower = parts.follower
        self._failures = parts.failures
        self._fallback = parts.fallback
        self._deciding = Deciding(parts)
        loading = Loading(parts)
        self._at_run_time = AtRunTime(parts, loading)
        self._renewing = Renewing(parts, loading)
        self._noticing = Noticing(parts)
        self._tending = Tending(parts, loading)
        self._drains = HaproxyDrains(settings.master_socket)
        self._health = HaproxyHealth(settings.master_socket)
        self._addresses = HaproxyAddresses(settings.master_socket)
        self._occupied = OccupiedPlaces()
        self._ending = Ending(settings, self._workers, self._running, self._follower)

    def check(self, candidate: Path) -> None:
        """``haproxy -c``. Raises ``CheckError`` with HAProxy's own words and line numbers."""
        self._names.refuse_unanswered((atomic.held(candidate) or ""), self._running.live)
        self._look(candidate, around=self._around.near(candidate))

    def advice(self, renderer: Renderer, sample: Snapshot) -> tuple[str, ...]:
        """What HAProxy takes and lbdisc would rather have: see ``lbdisc.haproxy.advice``."""
        return advice(renderer, sample, self._around.near().parse)

    def inspect(self, config: Path) -> tuple[Examination, ...]:
        """See ``lbdisc.abilities.Inspects``."""
        return HaproxyInspection(self._parts, config).all

    def plan(self, config: Path, running: Rendered | None, candidate: Rendered) -> Steps:
        """Runtime commands, or a reload and why, from what the worker that serves really runs."""
        return self._deciding.plan(config, candidate)

    def apply(self, planned: Planned) -> Applied:
        if self._running.live is not None and not self._memory.applied:
            self._workers.alive(self._settings, planned.config, self._running.live.socket)
        self._memory.applied, self._memory.config = True, planned.config
        self._fallback.others = planned.over_another
        try:
            if self._follower.forget():
                self._at_run_time.undo(planned.config)
            applied = self._at_run_time.bring(planned) or self._renewing.renew(planned)
        except OSError as error:
            what = error.strerror or error
            raise ApplyError(f"cannot write {planned.config}: {what}") from error
        self._memory.differs = ""
        return applied

    def verify(self, running: Rendered, *, thorough: bool) -> str:
        return self._noticing.verify(running, thorough=thorough)

    def beside(self) -> FilesBeside:
        """See ``lbdisc.abilities.ReadsFiles``."""
        return self._beside.look()

    def instead(self, config: Path, candidate: Rendered) -> Steps | None:
        """What runs with the endpoints of ``candidate``: see ``lbdisc.abilities.StandsIn``."""
        return self._deciding.instead(config, candidate)

    def try_again(self) -> None:
        self._failures.try_again()
        self._around.try_again()

    @property
    def may_try(self) -> bool:
        return self._failures.changed or self._around.may_try(self._memory.config)

    def drained(self, endpoints: Sequence[Endpoint]) -> frozenset[Endpoint]:
        """Those that neither the worker nor one before it has a session on."""
        live = self._running.live
        return self._drains.over(live, endpoints) if live else frozenset()

    def health(self, endpoints: Sequence[Endpoint]) -> tuple[ServerHealth, ...]:
        """What the worker's own checks say."""
        return self._health.health(self._running.live, endpoints)

    def occupies(self, config: Path, candidate: Rendered) -> Collection[tuple[str, int]]:
        """Where HAProxy listens with ``candidate``, and with the files around it."""
        model = self._around.of(config).parse(candidate.text)
        return self._occupied.of(model, self._workers.master(), self._settings)

    def resolved(self, hosts: Collection[str]) -> Mapping[str, Collection[str]]:
        """What the worker has for them."""
        live = self._running.live
        return self._addresses.resolved(live, hosts) if live else {}

    def lingering(self) -> tuple[int, ...]:
        return self._health.lingering()

    def tend(self) -> Applied | None:
        """End leaves, delete what is no longer used; the settling reload before HAProxy 3.0."""
        return self._tending.tend()

    def servers(self, text: str) -> tuple[ProxyServer, ...]:
        """Those of all proxies, as the file has them."""
        return servers_in(text)

    def remark(self, config: Path) -> str:
        """That the HAProxy at the master socket runs more than ``config``, if it does."""
        self._around.of(config)  # it has a place in haproxy.files
        try:
            return self._workers.remark(config, self._settings.files)
        except Forbidden:
            raise
        except HaproxyError:
            return ""

    def room(self, candidate: Rendered) -> Room | None:
        """As many as HAProxy has file descriptors for."""
        most, live = allowed(self._workers.master()), self._running.live
        there = checks(live.model) if live else 0
        return room_in(self._around.around, candidate.text, most, there=there)

    def behind(self) -> bool:
        return self._follower.behind

    def interrupt(self) -> None:
        """See ``lbdisc.abilities.Interrupts``."""
        self._memory.stopping = True

    def withdraw(self, *, ends: bool) -> float:
        return self._ending.withdraw(ends=ends)

    def stays(self) -> bool:
        return self._ending.stays()

    def end(self, config: Path) -> bool:
        return self._ending.end(config)

    def close(self) -> None:
        self._ending.close()
