"""``lbdisc nodes``: what the registry says, now or as it changes."""

import json
import sys
from collections.abc import Callable
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
    from lbdisc.configuration import Configuration
    from lbdisc.plugins import Plugins
    from lbdisc.values import Snapshot


def read_once(plugins: "Plugins", settings: "Configuration") -> "Snapshot":
    """The registry's state now. Raises ``LbdiscError``."""
    found: list[Snapshot] = []
    _watch(plugins, settings, found.append, Event(), once=True)
    return found[0]


def _watch(
    plugins: "Plugins",
    settings: "Configuration",
    show: "Callable[[Snapshot], None]",
    stop: Event,
    *,
    once: bool,
) -> None:
    """One-shot reading is "stop after the first publish": there is no second way to read."""
    from lbdisc.cli import wiring

    def publish(snapshot: "Snapshot") -> None:
        if not (once and stop.is_set()):
            show(snapshot)
        if once:
            stop.set()

    wiring.discovery(plugins, settings).watch(publish, stop)


def nodes(
    config: ConfigOption = None,
    backend: BackendOption = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Go on, and show every change.")
    ] = False,
    as_json: JsonOption = False,
    set_: SetOption = None,
) -> None:
    """List the endpoints in the registry.

    Example: lbdisc nodes --backend serf --watch
    """
    plugins, settings = load_configuration(config, {"backend": backend}, set_)
    show = _print_json if as_json else _print_table
    try:
        _watch(plugins, settings, show, Event(), once=not watch)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _print_json(snapshot: "Snapshot") -> None:
    from lbdisc import records

    document = {
        "endpoints": [
            {"service": e.service, "name": e.name, **records.to_object(e)}
            for e in snapshot.endpoints
        ],
        "problems": [{"where": p.where, "what": p.what} for p in snapshot.problems],
    }
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def _print_table(snapshot: "Snapshot") -> None:
    from lbdisc.cli.tables import show_table

    show_table(
        ("SERVICE", "NAME", "ADDRESS", "WEIGHT", "STATE", "TAGS"),
        [
            (e.service, e.name, e.host_port, str(e.weight), e.state, _tags(e.tags))
            for e in snapshot.endpoints
        ],
    )
    for problem in snapshot.problems:
        sys.stderr.write(f"skipped: {problem}\n")
    sys.stdout.flush()


def _tags(tags: tuple[tuple[str, str], ...]) -> str:
    return " ".join(f"{name}={text}" for name, text in tags)
