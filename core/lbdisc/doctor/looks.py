"""All looks of one `lbdisc doctor`, put together from the settings and from what plugins can."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from lbdisc.abilities import Examines, Inspects
from lbdisc.doctor.agent import REMEDIES, agent
from lbdisc.doctor.bounded import Look
from lbdisc.doctor.folders import output_folder, state_folder
from lbdisc.doctor.instance import instance, lease
from lbdisc.doctor.registered import registered
from lbdisc.doctor.writing import not_written, written
from lbdisc.examining import Diagnosis, Examination, ok, warn
from lbdisc.handshake import AGENTS
from lbdisc.hooks import Discovery, Registrar, Reloader
from lbdisc.settings.loading import Settings
from lbdisc.settings.tables import CoreSettings
from lbdisc.values import Snapshot

_REACH = "see that its servers run and can be reached from here, and the backend's settings"
_FOLDERS = "be the agent's user, as with `sudo -u`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is looked at. ``advice`` tries the template, ``read`` the registry, once each.

    ``registrar`` is made where an entry may be written, ``None`` where nothing may.
    """

    settings: Settings
    discovery: Discovery
    reloader: Reloader
    advice: Callable[[], Sequence[str]]
    read: Callable[[], Snapshot]
    registrar: Callable[[], Registrar] | None = None

    @property
    def looks(self) -> list[Look]:
        """In the order in which they are shown."""
        return [
            *self._balancer(),
            Look("template", Examination("template", self._template), "see `lbdisc config check`"),
            _look("folders", "state_dir", state_folder, self._core, _FOLDERS),
            _look("folders", "output", output_folder, self._core, _FOLDERS),
            *self._registry(),
            _look("agent", "status", agent, self._core, REMEDIES["agent"]),
            *self._register(),
        ]

    @property
    def _core(self) -> CoreSettings:
        return self.settings.core

    @property
    def _registers(self) -> bool:
        """Whether this machine has settings for `lbdisc register`."""
        rows = self.settings.rows
        return any(r.key.startswith("register.") and r.origin != "default" for r in rows)

    @property
    def _own(self) -> list[tuple[str, str]]:
        core = self._core
        agents = [(AGENTS, core.agent.name)] if core.agent.announce else []
        nodes = [(core.register.service, core.register.name)] if self._registers else []
        return agents + nodes

    def _balancer(self) -> Iterator[Look]:
        name = self._core.reloader
        if isinstance(self.reloader, Inspects):
            for one in self.reloader.inspect(self._core.output):
                yield Look(name, one, f"see the table [{name}] of the settings")

    def _template(self) -> Iterator[Diagnosis]:
        found = self.advice()
        for line in found:
            text, _, remedy = line.rpartition("; ")
            yield warn(text or line, remedy if text else "change the template")
        if not found:
            yield ok("renders with made-up endpoints, the load balancer accepts it, nothing lacks")

    def _registry(self) -> Iterator[Look]:
        name, core = self._core.backend, self._core
        if isinstance(self.discovery, Examines):
            for one in self.discovery.examine(self._own):
                yield Look(name, one, _REACH)
        write: Callable[[], Iterator[Diagnosis]] = not_written
        if self.registrar is not None:
            write = partial(_written, self.registrar, self.discovery, core.agent.name)
        yield Look(name, Examination("an entry of our own", write), _REACH)
        yield Look("services", Examination("list", partial(registered, core, self.read)), _REACH)

    def _register(self) -> Iterator[Look]:
        settings = self._core.register
        if not self._registers:
            return
        if isinstance(self.discovery, Examines):
            seconds = self.discovery.lease
            yield Look("register", Examination("lease", partial(lease, seconds, settings)), "")
        yield Look(
            "register",
            Examination("check", partial(instance, settings)),
            "see the table [register] of the settings",
        )


def _look(
    check: str,
    what: str,
    look: Callable[[CoreSettings], Iterator[Diagnosis]],
    core: Any,
    remedy: str,
) -> Look:
    return Look(check, Examination(what, partial(look, core)), remedy)


def _written(make: Callable[[], Registrar], discovery: Discovery, name: str) -> Iterator[Diagnosis]:
    yield from written(make(), discovery, name)
