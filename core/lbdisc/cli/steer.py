"""The wheel: orders to the agent that runs here, by its socket in ``state_dir``."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from lbdisc.cli.common import load_configuration, write_answer
from lbdisc.options import ConfigOption, JsonOption, SetOption

if TYPE_CHECKING:
    from pathlib import Path

    from lbdisc.orders import OrderReply

WhoArgument = Annotated[str, typer.Argument(metavar="SERVICE/NAME", help="The endpoint.")]
ForOption = Annotated[
    str | None,
    typer.Option("--for", metavar="TIME", help="It ends by itself: 90s, 30m, 2h, 1d."),
]
WhyOption = Annotated[
    str, typer.Option("--why", metavar="TEXT", help="Told in status, log and events.")
]
FleetOption = Annotated[
    bool,
    typer.Option(
        "--fleet", help="Ask all agents of the registry as well; exit code 1 if one did not."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add all commands of the wheel."""
    commands: tuple[Callable[..., None], ...] = (drain, disable, weight, undo, pause, resume)
    for command in commands:
        app.command(command.__name__)(command)


def drain(
    who: WhoArgument,
    for_: ForOption = None,
    why: WhyOption = "",
    config: ConfigOption = None,
    fleet: FleetOption = False,
    as_json: JsonOption = False,
    set_: SetOption = None,
) -> None:
    """Send an endpoint no new traffic from here, whatever the registry says; sessions finish.

    Holds over restarts of the agent and of the node, until its time is over or `lbdisc undo`.

    Example: lbdisc drain web/s3 --for 30m --why "replacing its disk"
    """
    _give("drain", config, set_, as_json, who=who, for_=for_, why=why, fleet=fleet)


def disable(
    who: WhoArgument,
    for_: ForOption = None,
    why: WhyOption = "",
    config: ConfigOption = None,
    fleet: FleetOption = False,
    as_json: JsonOption = False,
    set_: SetOption = None,
) -> None:
    """Leave an endpoint out here, whatever the registry says; holds as a drain does.

    Example: lbdisc disable web/s3 --why "answers with errors"
    """
    _give("disable", config, set_, as_json, who=who, for_=for_, why=why, fleet=fleet)


def weight(
    who: WhoArgument,
    number: Annotated[
        int, typer.Argument(metavar="WEIGHT", min=0, max=256, help="0 to 256; 0: no new traffic.")
    ],
    for_: ForOption = None,
    why: WhyOption = "",
    config: ConfigOption = None,
    fleet: FleetOption = False,
    as_json: JsonOption = False,
    set_: SetOption = None,
) -> None:
    """Give an endpoint another weight here, whatever the registry says; holds as a drain does.

    Example: lbdisc weight web/s3 10 --for 1h --why "warming up"
    """
    _give("weight", config, set_, as_json, who=who, for_=for_, why=why, number=number, fleet=fleet)


def undo(
    who: Annotated[
        str, typer.Argument(metavar="[SERVICE/NAME]", help="The endpoint; or --all.")
    ] = "",
    every: Annotated[bool, typer.Option("--all", help="All that are overruled here.")] = False,
    why: WhyOption = "",
    config: ConfigOption = None,
    fleet: FleetOption = False,
    as_json: JsonOption = False,
    set_: SetOption = None,
) -> None:
    """Have an endpoint as the registry says again: the end of drain, disable and weight.

    Exit code 1: it is not overruled.

    Example: lbdisc undo web/s3
    """
    from lbdisc.errors import SettingsError

    if bool(who) == every:
        raise SettingsError("give SERVICE/NAME, or --all")
    _give("undo", config, set_, as_json, who=who, why=why, named=not every, fleet=fleet)


def pause(
    for_: ForOption = None,
    why: WhyOption = "",
    config: ConfigOption = None,
    fleet: FleetOption = False,
    as_json: JsonOption = False,
    set_: SetOption = None,
) -> None:
    """Apply nothing from now on: the registry is followed, and what waits is said.

    Holds over restarts of the agent, until its time is over or `lbdisc resume`. A HAProxy that dies
    meanwhile is started again with what it ran. `lbdisc status` is degraded (exit code 4).

    Example: lbdisc pause --for 1h --why deploy
    """
    _give("pause", config, set_, as_json, for_=for_, why=why, fleet=fleet)


def resume(
    why: WhyOption = "",
    config: ConfigOption = None,
    fleet: FleetOption = False,
    as_json: JsonOption = False,
    set_: SetOption = None,
) -> None:
    """Apply what the registry says again: the end of a pause, and of a pinned generation.

    Exit code 1: nothing is paused or pinned.

    Example: lbdisc resume
    """
    _give("resume", config, set_, as_json, why=why, fleet=fleet)


def _give(
    ask: str,
    config: "Path | None",
    set_: list[str] | None,
    as_json: bool,
    *,
    who: str = "",
    for_: str | None = None,
    why: str = "",
    number: int | None = None,
    named: bool = True,
    fleet: bool = False,
) -> None:
    """Give the order and print the answers. Raises ``LbdiscError`` where it is refused here."""
    from lbdisc.agent.steering_words import of_whom
    from lbdisc.durations import seconds_of
    from lbdisc.errors import LbdiscError, SettingsError
    from lbdisc.orders import order

    for_s = None if for_ is None else seconds_of(for_)
    if who or ask in ("drain", "disable", "weight"):
        try:
            of_whom(who)
        except LbdiscError as error:
            raise SettingsError(str(error)) from error
    _, settings = load_configuration(config, {}, set_)
    folder = settings.core.state_dir
    reply = order(
        folder,
        ask,
        what=who if named else "",
        why=why,
        for_s=for_s,
        weight=number,
        fleet=fleet,
    )
    if not reply.done:
        raise LbdiscError(reply.text)
    if fleet:
        _tell_of_others(folder, reply, as_json=as_json)
    else:
        write_answer(reply.text, as_json=as_json)


def _tell_of_others(folder: "Path", reply: "OrderReply", *, as_json: bool) -> None:
    """Write all answers. Exit code 1: some agent has not taken the order."""
    from lbdisc.cli import fleet_answers

    found = fleet_answers.await_answers(folder, reply.order)
    fleet_answers.tell(reply, found, as_json=as_json)
    if not fleet_answers.all_took(found):
        raise typer.Exit(1)
