"""``lbdisc guard``: what is held although the registry does not have it, and operators' words."""

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lbdisc.cli.common import load_configuration, write_answer, write_json
from lbdisc.options import ConfigOption, JsonOption, SetOption

if TYPE_CHECKING:
    from pathlib import Path

    from lbdisc.agent.held import Held
    from lbdisc.state.store import Store

WhatArgument = Annotated[
    str, typer.Argument(metavar="[SERVICE[/NAME]]", help="All of it, if nothing is given.")
]


def app() -> typer.Typer:
    commands = typer.Typer(
        rich_markup_mode=None,
        help="What the guard holds, and operators' words to it. Example: lbdisc guard release web",
    )
    commands.callback(invoke_without_command=True)(show)
    commands.command("release")(release)
    commands.command("hold")(hold)
    return commands


def show(
    context: typer.Context,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    set_: SetOption = None,
) -> None:
    """Show what is held: since and until when, why, and what the load balancer says of it.

    Example: lbdisc guard --json
    """
    if context.invoked_subcommand is not None:
        return
    from lbdisc.agent.guarding import remembered

    store = _store(config, set_)
    memory, ahead = remembered(store, time.time), time.time()
    runs = store.agent_runs
    if as_json:
        document = {
            "agent": "running" if runs else "stopped",
            "held": [_object(held) for held in memory.held],
            "operator": [{"service": e.service, "name": e.name} for e in memory.pinned],
        }
        write_json(document, indent=1)
        return
    if not runs:
        sys.stderr.write("no agent runs: this is what the last one held\n")
    _print(memory.held, ahead)
    if memory.pinned:
        names = ", ".join(f"{e.service}/{e.name}" for e in memory.pinned)
        sys.stdout.write(f"an operator holds, listed or not: {names}\n")


def release(
    context: typer.Context,
    what: WhatArgument = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
    set_: SetOption = None,
) -> None:
    """Let go of what is held, by the guard or by an operator.

    Exit code 0: done, or kept for the next start where no agent runs; 1: nothing like it is held.

    Example: lbdisc guard release web/s3
    """
    _say("guard.release", what, _store(_given(context, config), set_), as_json)


def hold(
    context: typer.Context,
    what: WhatArgument = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
    set_: SetOption = None,
) -> None:
    """Hold what is served now: it stays, whatever the registry says, until it is released.

    Exit code 0: done, or kept for the next start where no agent runs; 1: nothing like it is served.

    Example: lbdisc guard hold web
    """
    _say("guard.hold", what, _store(_given(context, config), set_), as_json)


def _given(context: typer.Context, config: "Path | None") -> "Path | None":
    """``--config`` may also stand before the word."""
    return config or (context.parent.params.get("config") if context.parent else None)


def _store(config: "Path | None", set_: Sequence[str] | None) -> "Store":
    from lbdisc.errors import LbdiscError
    from lbdisc.state.store import Store

    _, settings = load_configuration(config, {}, set_)
    store = Store(settings.core.state_dir)
    if store.status() is None:
        raise LbdiscError(f"no agent has used state_dir {store.folder} yet: start `lbdisc run`")
    return store


def _say(ask: str, what: str, store: "Store", as_json: bool) -> None:
    from lbdisc.agent.control import PATIENCE, Control
    from lbdisc.errors import LbdiscError
    from lbdisc.orders import NoAgent, order

    _check(what)
    try:
        reply = order(store.folder, ask, what=what)
        if not reply.done:
            raise LbdiscError(reply.text)
        write_answer(reply.text, as_json=as_json)
        return
    except NoAgent:
        pass  # the next one that starts here is told
    control = Control(store.folder)
    word = control.say(ask, what)
    if not store.agent_runs:
        told = "no agent runs: the next one that starts here is told"
        write_answer(told, as_json=as_json)
        return
    answer = control.answer(word)
    if answer is None:
        raise LbdiscError(
            f"the agent has not answered for {PATIENCE:.0f} s; it is told when it does"
        )
    if not answer.done:
        raise LbdiscError(answer.text)
    write_answer(answer.text, as_json=as_json)


def _check(what: str) -> None:
    from lbdisc.errors import EntryError, SettingsError
    from lbdisc.values import check_name

    service, slash, name = what.partition("/")
    try:
        if service or slash:
            check_name(service, what="service")
        if slash:
            check_name(name)
    except EntryError as error:
        raise SettingsError(f"{error}; give SERVICE or SERVICE/NAME") from error


def _object(held: "Held") -> dict[str, Any]:
    endpoint = held.endpoint
    return {
        "service": endpoint.service,
        "name": endpoint.name,
        "address": endpoint.address,
        "port": endpoint.port,
        "by": held.by,
        "since": _stamp(held.since),
        "until": None if held.until is None else _stamp(held.until),
        "why": held.why,
        "health": held.state,
        "says": held.says,
    }


def _stamp(unix_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(unix_s))


def _print(all_held: "Sequence[Held]", now: float) -> None:
    from lbdisc.cli.tables import show_table

    if not all_held:
        sys.stdout.write("nothing is held\n")
        return
    rows = [
        (
            held.endpoint.service,
            held.endpoint.name,
            held.endpoint.host_port,
            f"{_stamp(held.since)} ({now - held.since:.0f} s ago)",
            _until(held),
            held.why,
            f"{held.state}: {held.says}" if held.says else held.state,
        )
        for held in all_held
    ]
    head = ("SERVICE", "NAME", "ADDRESS", "SINCE", "UNTIL", "WHY", "LOAD BALANCER")
    show_table(head, rows)


def _until(held: "Held") -> str:
    if held.until is not None:
        return f"{_stamp(held.until)}, or down"
    return "released" if held.by == "operator" else "down, or released"
