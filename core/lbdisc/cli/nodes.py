"""``lbdisc nodes``: what the registry says, now or as it changes."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lbdisc.cli.common import load_configuration, write_json
from lbdisc.options import BackendOption, ConfigOption, JsonOption, SetOption
from lbdisc.times import stamp

if TYPE_CHECKING:
    from lbdisc.fleet import Difference
    from lbdisc.handshake import Announcement, Progress
    from lbdisc.hooks import Discovery
    from lbdisc.plugins import Plugins
    from lbdisc.settings.loading import Settings
    from lbdisc.values import Endpoint, Problem, Snapshot


def read_once(
    plugins: "Plugins", settings: "Settings", discovery: "Discovery | None" = None
) -> "Snapshot":
    """The registry's state now, with the names that an agent served. Raises ``LbdiscError``.

    ``discovery`` is the one to read with, that of the settings if unsaid.
    """
    from lbdisc.state.store import Store

    found: list[Snapshot] = []
    served = Store(settings.core.state_dir).last_snapshot()
    _watch(plugins, settings, found.append, Event(), once=True, served=served, by=discovery)
    return found[0]


def _watch(
    plugins: "Plugins",
    settings: "Settings",
    show: "Callable[[Snapshot], None]",
    stop: Event,
    *,
    once: bool,
    served: "Snapshot | None" = None,
    by: "Discovery | None" = None,
) -> None:
    """One-shot reading is "stop after the first publish": there is no second way to read."""
    from lbdisc.screening.screen import Screening
    from lbdisc.settings import choosing

    screen = Screening(settings.core.endpoints, served=served)

    def publish(snapshot: "Snapshot", **_said: object) -> None:
        if not (once and stop.is_set()):
            show(screen.settled(snapshot))
        if once:
            stop.set()

    (by or choosing.discovery(plugins, settings)).watch(publish, stop)


def nodes(
    config: ConfigOption = None,
    backend: BackendOption = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Go on, and show every change.")
    ] = False,
    agents: Annotated[
        bool, typer.Option("--agents", help="List the load balancers' agents as well.")
    ] = False,
    as_json: JsonOption = False,
    set_: SetOption = None,
) -> None:
    """List the endpoints in the registry, and who waits for whom where one drains.

    With --watch --json each change is a line of its own (NDJSON). HERE says who is overruled by an
    operator on this load balancer.

    With --agents the exit code is 1 when agents of one service have differed for 30 s: in what they
    list, their settings or their version. Where they began to only now, it looks on until then.

    Example: lbdisc nodes --agents
    """
    plugins, settings = load_configuration(config, {"backend": backend}, set_)
    printing = _print_json if as_json else _print_table
    shown: list[_View] = []

    def show(snapshot: "Snapshot") -> None:
        view = _View.of(snapshot, with_agents=agents, overruled=_overruled(settings))
        if [view] != shown:  # most of what agents say changes nothing here
            shown[:] = [view]
            printing(view)
            sys.stdout.flush()

    try:
        if agents and not watch:
            _agree(plugins, settings, show, at_once=not as_json)
        else:
            _watch(plugins, settings, show, Event(), once=not watch)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _agree(
    plugins: "Plugins",
    settings: "Settings",
    show: "Callable[[Snapshot], None]",
    *,
    at_once: bool,
) -> None:
    """Show the registry once it is known whether its agents agree; exit code 1 if not.

    ``at_once`` shows it before, too, for who is in a hurry.
    """
    from lbdisc.cli.agreement import Agreement

    agreement = Agreement()

    def look(snapshot: "Snapshot") -> None:
        if at_once:
            show(snapshot)
        agreement.look(snapshot)

    _watch(plugins, settings, look, agreement.known, once=False)
    assert agreement.snapshot is not None
    show(agreement.snapshot)
    if agreement.broken:
        raise typer.Exit(1)


@dataclass(frozen=True)
class _View:
    """What is shown: all endpoints, how far those are that drain, and the agents if asked for.

    ``overruled`` is what an operator said of some to the agent of this state_dir.
    """

    endpoints: "tuple[Endpoint, ...]"
    drains: "dict[Endpoint, Progress]"
    agents: "tuple[Announcement, ...] | None"
    differ: "dict[str, Difference]"
    problems: "tuple[Problem, ...]"
    more: int
    overruled: "tuple[dict[str, Any], ...]" = ()

    @classmethod
    def of(
        cls, snapshot: "Snapshot", *, with_agents: bool, overruled: "Sequence[dict[str, Any]]" = ()
    ) -> "_View":
        from lbdisc import fleet, handshake

        agents = handshake.agents(snapshot)
        endpoints = snapshot.public.endpoints
        return cls(
            endpoints,
            {e: handshake.progress(e, agents) for e in endpoints if e.draining},
            agents if with_agents else None,
            {d.agent: d for d in fleet.differences(agents, time.time())} if with_agents else {},
            snapshot.problems,
            snapshot.more,
            tuple(overruled),
        )

    def here(self, endpoint: "Endpoint") -> "dict[str, Any] | None":
        """How an operator has it here, if not as the registry says."""
        its = (one for one in self.overruled if (one["service"], one["name"]) == endpoint.key)
        return next(its, None)


def _overruled(settings: "Settings") -> "Sequence[dict[str, Any]]":
    """What the agent here says that operators said, if one runs."""
    from lbdisc.errors import LbdiscError
    from lbdisc.state.store import Store

    try:
        found = (Store(settings.core.state_dir).status() or {}).get("overruled", ())
    except LbdiscError:  # it is another user's
        return ()
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else ()


def _print_json(view: _View) -> None:
    from lbdisc import records

    def entry(endpoint: "Endpoint") -> dict[str, object]:
        found = {"service": endpoint.service, "name": endpoint.name, **records.to_object(endpoint)}
        if progress := view.drains.get(endpoint):
            found |= {"drained_by": progress.done, "waits_for": progress.waiting}
        return found | {"overruled": one} if (one := view.here(endpoint)) else found

    document: dict[str, object] = {
        "endpoints": [entry(endpoint) for endpoint in view.endpoints],
        "problems": [{"where": p.where, "what": p.what} for p in view.problems],
        "problems_more": view.more,
    }
    if view.agents is not None:
        document["agents"] = [_agent(view, agent) for agent in view.agents]
    write_json(document)


def _agent(view: _View, agent: "Announcement") -> dict[str, object]:
    found: dict[str, object] = {"name": agent.name, "services": agent.services}
    if digest := agent.digest:
        found |= {
            "list": digest.listed,
            "settings": digest.settings,
            "version": digest.version,
            "since": stamp(digest.since),
        }
    difference = view.differ.get(agent.name)
    return found | {"differs": list(difference.parts) if difference else []}


def _print_table(view: _View) -> None:
    from lbdisc.cli.tables import show_table

    head = ["SERVICE", "NAME", "ADDRESS", "WEIGHT", "STATE", "TAGS"]
    if view.drains:
        head += ["DRAINED BY", "WAITS FOR"]
    if view.overruled:
        head.append("HERE")
    show_table(head, [_row(view, endpoint) for endpoint in view.endpoints])
    if view.agents is not None:
        sys.stdout.write("\n")
        head = ["AGENT", "SERVICES", "LIST", "SETTINGS", "VERSION", "SINCE", "DIFFERS IN"]
        show_table(head, [_agent_row(view, agent) for agent in view.agents])
    for problem in view.problems:
        sys.stderr.write(f"skipped: {problem}\n")
    if view.more:
        sys.stderr.write(f"skipped: {view.more} more\n")


def _row(view: _View, e: "Endpoint") -> list[str]:
    row = [e.service, e.name, e.host_port, str(e.weight), e.state, _tags(e)]
    if progress := view.drains.get(e):
        row += [_listed(progress.done), _listed(progress.waiting)]
    elif view.drains:
        row += ["", ""]
    return [*row, _here(view, e)] if view.overruled else row


def _here(view: _View, endpoint: "Endpoint") -> str:
    from lbdisc.state.judging import overruled_line

    one = view.here(endpoint)
    return overruled_line(one).partition(" ")[2] if one else ""


def _agent_row(view: _View, agent: "Announcement") -> list[str]:
    row = [agent.name, _listed(agent.services)]
    digest, difference = agent.digest, view.differ.get(agent.name)
    row += [digest.listed, digest.settings, digest.version] if digest else ["", "", ""]
    return [*row, stamp(digest.since) if digest else "", str(difference or "")]


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names)


def _tags(endpoint: "Endpoint") -> str:
    from lbdisc.handshake import DRAIN_TAG

    return " ".join(f"{name}={text}" for name, text in endpoint.tags if name != DRAIN_TAG)
