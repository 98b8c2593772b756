"""``lbdisc nodes``: what the registry says, now or as it changes."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from lbdisc.cli.common import (
    BackendOption,
    ConfigOption,
    JsonOption,
    SetOption,
    load_configuration,
)

if TYPE_CHECKING:
    from lbdisc.handshake import Announcement, Progress
    from lbdisc.plugins import Plugins
    from lbdisc.settings.loading import Settings
    from lbdisc.values import Endpoint, Problem, Snapshot


def read_once(plugins: "Plugins", settings: "Settings") -> "Snapshot":
    """The registry's state now. Raises ``LbdiscError``."""
    found: list[Snapshot] = []
    _watch(plugins, settings, found.append, Event(), once=True)
    return found[0]


def _watch(
    plugins: "Plugins",
    settings: "Settings",
    show: "Callable[[Snapshot], None]",
    stop: Event,
    *,
    once: bool,
) -> None:
    """One-shot reading is "stop after the first publish": there is no second way to read."""
    from lbdisc.settings import choosing

    def publish(snapshot: "Snapshot", *, revision: str = "") -> None:
        if not (once and stop.is_set()):
            show(snapshot)
        if once:
            stop.set()

    choosing.discovery(plugins, settings).watch(publish, stop)


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

    Example: lbdisc nodes --backend serf --watch
    """
    plugins, settings = load_configuration(config, {"backend": backend}, set_)
    printing = _print_json if as_json else _print_table
    shown: list[_View] = []

    def show(snapshot: "Snapshot") -> None:
        view = _View.of(snapshot, with_agents=agents)
        if [view] != shown:  # most of what agents say changes nothing here
            shown[:] = [view]
            printing(view)
            sys.stdout.flush()

    try:
        _watch(plugins, settings, show, Event(), once=not watch)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


@dataclass(frozen=True)
class _View:
    """What is shown: all endpoints, how far those are that drain, and the agents if asked for."""

    endpoints: "tuple[Endpoint, ...]"
    drains: "dict[Endpoint, Progress]"
    agents: "tuple[Announcement, ...] | None"
    problems: "tuple[Problem, ...]"

    @classmethod
    def of(cls, snapshot: "Snapshot", *, with_agents: bool) -> "_View":
        from lbdisc import handshake

        agents = handshake.agents(snapshot)
        endpoints = snapshot.public.endpoints
        return cls(
            endpoints,
            {e: handshake.progress(e, agents) for e in endpoints if e.draining},
            agents if with_agents else None,
            snapshot.problems,
        )


def _print_json(view: _View) -> None:
    from lbdisc import records

    def entry(endpoint: "Endpoint") -> dict[str, object]:
        found = {"service": endpoint.service, "name": endpoint.name, **records.to_object(endpoint)}
        if progress := view.drains.get(endpoint):
            found |= {"drained_by": progress.done, "waits_for": progress.waiting}
        return found

    document: dict[str, object] = {
        "endpoints": [entry(endpoint) for endpoint in view.endpoints],
        "problems": [{"where": p.where, "what": p.what} for p in view.problems],
    }
    if view.agents is not None:
        document["agents"] = [{"name": a.name, "services": a.services} for a in view.agents]
    sys.stdout.write(json.dumps(document) + "\n")


def _print_table(view: _View) -> None:
    from lbdisc.cli.tables import show_table

    head = ["SERVICE", "NAME", "ADDRESS", "WEIGHT", "STATE", "TAGS"]
    if view.drains:
        head += ["DRAINED BY", "WAITS FOR"]
    show_table(head, [_row(view, endpoint) for endpoint in view.endpoints])
    if view.agents is not None:
        sys.stdout.write("\n")
        show_table(("AGENT", "SERVICES"), [(a.name, _listed(a.services)) for a in view.agents])
    for problem in view.problems:
        sys.stderr.write(f"skipped: {problem}\n")


def _row(view: _View, e: "Endpoint") -> list[str]:
    row = [e.service, e.name, e.host_port, str(e.weight), e.state, _tags(e)]
    if progress := view.drains.get(e):
        return [*row, _listed(progress.done), _listed(progress.waiting)]
    return [*row, "", ""] if view.drains else row


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names)


def _tags(endpoint: "Endpoint") -> str:
    from lbdisc.handshake import DRAIN_TAG

    return " ".join(f"{name}={text}" for name, text in endpoint.tags if name != DRAIN_TAG)
