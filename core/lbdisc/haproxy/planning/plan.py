"""What it takes to bring a running HAProxy from one text to another. Pure.

The plan is right or says reload: everything but ``server`` lines has to be equal, and of those only
changes are done at run time that are known to end where a fresh start on the file would.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from lbdisc.haproxy.language.text import Configuration, ServerLine, parse
from lbdisc.haproxy.planning.changes import change, leave
from lbdisc.haproxy.planning.leaving import (
    check_disabled_gently,
    check_marked_up_gently,
    waits_to_leave,
)
from lbdisc.haproxy.planning.moves import moved, waits_for_quiet
from lbdisc.haproxy.planning.proxies import (
    check_addable,
    check_loaded,
    check_revivable,
    chooses_by_name,
    has_dynamic_cookies,
    is_dynamic,
    mentions,
    numbered,
)
from lbdisc.haproxy.planning.sameness import (
    changed_servers,
    check_same_but_servers,
    reordered,
)
from lbdisc.haproxy.planning.servers import Spec, Unfit, fold
from lbdisc.haproxy.sockets import commands as cmd
from lbdisc.haproxy.sockets.commands import Command
from lbdisc.haproxy.versions import OLDEST, Features

Key = tuple[str, str]
InMaintenance = Mapping[Key, ServerLine | None]
How = Literal["nothing", "written", "runtime", "reload"]
MAX_CHANGES = 200  # servers; from there on a reload costs less (measured)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """``how`` is nothing (texts are equal), written (only the file changes), runtime or reload.

    ``commands`` are to be sent in this order. ``reasons`` say, one line each, why it is a reload.
    ``added`` names the servers that ``add server`` makes. ``in_maintenance`` are all
    servers that wait there after the commands, as they were in the file; a reload drops them.
    ``leaving`` are those of them that wait at weight 0 for their last session instead, unchecked.
    ``quiet`` are those that may have no connection in use when the commands are sent.
    """

    how: How
    commands: tuple[Command, ...] = ()
    reasons: tuple[str, ...] = ()
    added: tuple[Key, ...] = ()
    removed: tuple[Key, ...] = ()
    in_maintenance: InMaintenance = field(default_factory=dict)
    leaving: frozenset[Key] = frozenset()
    quiet: tuple[Key, ...] = ()

    @property
    def detail(self) -> str:
        """The plan in one line."""
        if self.how == "reload":
            more = f" (and {len(self.reasons) - 1} more)" if len(self.reasons) > 1 else ""
            return f"{self.reasons[0]}{more}"
        if self.how == "runtime":
            targets = {command.target for command in self.commands}
            return f"{len(self.commands)} runtime commands for {len(targets)} servers"
        return "only the file changes" if self.how == "written" else "nothing changes"


def plan(
    running: str,
    candidate: str,
    *,
    features: Features = OLDEST,
    in_maintenance: InMaintenance | None = None,
    leaving: Iterable[Key] = (),
    max_changes: int = MAX_CHANGES,
) -> Plan:
    """The way from a HAProxy that runs ``running`` to one that runs ``candidate``.

    ``in_maintenance`` are servers that earlier plans left there, ``None`` for one of which nothing
    is known but its name; ``leaving`` those of them that still wait at weight 0.
    """
    aside = _Aside(dict(in_maintenance or {}), frozenset(leaving))
    if running == candidate:
        return Plan(how="nothing", in_maintenance=aside.servers, leaving=aside.leaving)
    try:
        return _Planner(parse(running), parse(candidate), features, aside, max_changes).plan()
    except Unfit as reason:
        return Plan(how="reload", reasons=(str(reason),))


@dataclass(frozen=True, slots=True)
class _Aside:
    """The servers that are not in the file any more, and those of them at weight 0."""

    servers: dict[Key, ServerLine | None]
    leaving: frozenset[Key]


class _Planner:
    def __init__(
        self,
        old: Configuration,
        new: Configuration,
        features: Features,
        aside: _Aside,
        max_changes: int,
    ) -> None:
        self._old, self._new = old, new
        self._features, self._aside = features, aside
        self._max_changes = max_changes
        self._reasons: list[str] = []
        self._leave: set[Key] = set()
        self._quiet: list[Key] = []

    def plan(self) -> Plan:
        """Raises ``Unfit`` where nothing further can be said."""
        check_same_but_servers(self._old, self._new)
        before, after = self._old.servers, self._new.servers
        left, here = changed_servers(self._old, self._new)
        gone = [server for server in left if server.key not in after]
        come = [server for server in here if server.key not in before]
        stay = [server for server in here if before.get(server.key, server) != server]
        count = len(gone) + len(come) + len(stay)
        if count > self._max_changes:
            raise Unfit(f"{count} servers change at once, more than {self._max_changes}")
        self._check_unnamed([*gone, *come])
        self._check_numbers({server.proxy for server in (*gone, *come)})
        self._reasons += [
            f"the order of the servers of {name} changed"
            for name in reordered(self._old, self._new)
        ]
        added = [server for server in come if server.key not in self._aside.servers]
        revived = [server for server in come if server.key in self._aside.servers]
        todo = self._additions(added)
        todo += self._changes([*revived, *stay])
        todo += self._removals(gone)
        if self._reasons:
            return Plan(how="reload", reasons=tuple(self._reasons))
        waiting = {key: line for key, line in self._aside.servers.items() if key not in after}
        return Plan(
            how="runtime" if todo else "written",
            commands=tuple(todo),
            added=tuple(server.key for server in added),
            removed=tuple(server.key for server in gone),
            in_maintenance={**waiting, **{server.key: server for server in gone}},
            leaving=self._aside.leaving - after.keys() | self._leave,
            quiet=tuple(self._quiet),
        )

    def _check_unnamed(self, servers: Iterable[ServerLine]) -> None:
        changed = {server.name for server in servers}
        if not changed:
            return
        named = sorted(changed & mentions(self._new))
        if named:
            self._reasons.append(f"another line may name server {named[0]!r}")
        for proxy in sorted({server.proxy for server in servers}):
            if chooses_by_name(self._new.proxies[proxy]):
                self._reasons.append(f"use-server of {proxy} may name any server")

    def _check_numbers(self, proxies: Iterable[str]) -> None:
        for proxy in sorted(proxies):
            if name := numbered(self._new.proxies[proxy]) or numbered(self._old.proxies[proxy]):
                self._reasons.append(
                    f"the hash of {proxy} goes by ids, and server {name} has none: a reload counts"
                )

    def _additions(self, servers: Iterable[ServerLine]) -> list[Command]:
        specs = [spec for server in servers if (spec := self._addable(server))]
        todo: list[Command] = [
            cmd.AddServer(spec.proxy, spec.name, spec.host_port, spec.words()) for spec in specs
        ]
        # Cookies are filled in while the new servers are still in maintenance.
        for proxy, name in {spec.proxy: spec.name for spec in specs}.items():
            if has_dynamic_cookies(self._new.proxies[proxy]):
                todo.append(cmd.EnableDynamicCookie(proxy, name))
        for spec in specs:
            if spec.disabled:
                continue  # its checks would run in maintenance; they start when it gets ready
            if spec.checked:
                todo.append(cmd.EnableHealth(spec.proxy, spec.name))
            todo.append(cmd.EnableServer(spec.proxy, spec.name))
        return todo

    def _addable(self, server: ServerLine) -> Spec | None:
        try:
            spec = fold(server)
            check_addable(spec, self._new.proxies[server.proxy], self._new, self._features)
            check_loaded(spec, self._old)
            if not spec.disabled:
                check_marked_up_gently(spec, self._beside(server))
        except Unfit as reason:
            self._reasons.append(str(reason))
            return None
        return spec

    def _changes(self, servers: Iterable[ServerLine]) -> list[Command]:
        """Those that bring capacity first."""
        bringing: list[Command] = []
        taking: list[Command] = []
        for server in servers:
            try:
                old, new = self._before(server), fold(server)
                todo = taking if new.disabled else bringing
                if server.key in self._aside.leaving and new.checked:
                    todo.append(cmd.EnableHealth(*server.key))
                todo.extend(self._change(old, new))
            except Unfit as reason:
                self._reasons.append(str(reason))
        return bringing + taking

    def _before(self, server: ServerLine) -> Spec:
        if server.key in self._old.servers:
            return fold(self._old.servers[server.key])
        check_revivable(fold(server), self._new.proxies[server.proxy])
        line = self._aside.servers[server.key]
        if line is None:
            raise Unfit(f"server {server} waits in maintenance with settings nobody knows")
        if server.key in self._aside.leaving:
            return replace(fold(line), weight=0, disabled=False)
        return replace(fold(line), disabled=True)

    def _change(self, old: Spec, new: Spec) -> list[Command]:
        """Raises ``Unfit`` when the change cannot be made at run time."""
        section = self._new.proxies[new.proxy]
        if moved(old, new) and waits_for_quiet(old, new, section, self._features):
            self._quiet.append((new.proxy, new.name))
        if new.disabled and not old.disabled:
            check_disabled_gently(new)
        if (moved(old, new) or old.disabled) and not new.disabled:
            check_marked_up_gently(new, self._beside(self._new.servers[new.proxy, new.name]))
        return change(old, new, dynamic=is_dynamic(section))

    def _beside(self, server: ServerLine) -> list[ServerLine | None]:
        """All servers of its proxy that may have sessions."""
        waiting = [line for key, line in self._aside.servers.items() if key[0] == server.proxy]
        old = self._old.proxies[server.proxy].servers
        return [*waiting, *old, *self._new.proxies[server.proxy].servers]

    def _removals(self, servers: Iterable[ServerLine]) -> list[Command]:
        todo: list[Command] = []
        for server in servers:
            try:
                section = self._new.proxies[server.proxy]
                if waits_to_leave(spec := fold(server), section, self._new) and not spec.disabled:
                    todo += leave(spec)
                    self._leave.add(server.key)
                else:
                    todo.append(cmd.SetState(server.proxy, server.name, "maint"))
            except Unfit as reason:
                self._reasons.append(str(reason))
        return todo
