"""The command line. Each command has a module; what is heavy is imported inside it."""

import sys

import typer

from lbdisc import __version__, collecting
from lbdisc.cli.context import CommandContext
from lbdisc.errors import LbdiscError
from lbdisc.plugins import Plugins

COMMANDS = (
    *("run", "stop", "register", "nodes", "render", "plan", "adopt", "status", "guard"),
    *("drain", "disable", "weight", "undo", "pause", "resume"),
    *("doctor", "plugins", "config", "template"),
)

WRONG_USAGE = 2
LONGEST = 2000  # characters of a message


def build(plugins: Plugins) -> typer.Typer:
    """The application with the core's commands and those of ``plugins``."""
    from lbdisc.cli import (
        adopt,
        config,
        doctor,
        guard,
        nodes,
        plugin_list,
        register,
        render,
        run,
        status,
        steer,
        stop,
        template,
    )

    app = typer.Typer(
        name="lbdisc",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Keeps a load balancer in step with a cluster, whatever registry it uses.",
    )
    app.callback()(_options)
    app.command("run")(run.run)
    app.command("stop")(stop.stop)
    app.command("register", context_settings={"allow_interspersed_args": False})(register.register)
    app.command("nodes")(nodes.nodes)
    app.command("render")(render.render)
    app.command("plan")(render.plan)
    app.command("adopt")(adopt.adopt)
    app.command("status")(status.status)
    app.command("doctor")(doctor.doctor)
    steer.add_to(app)
    app.command("plugins")(plugin_list.plugins)
    app.add_typer(guard.app(), name="guard")
    app.add_typer(config.app(), name="config")
    app.add_typer(template.app(), name="template")
    plugins.add_commands(app, CommandContext(plugins))
    return app


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lbdisc {__version__}")
        raise typer.Exit


def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version and exit."
    ),
) -> None:
    pass


def main() -> None:
    """Entry point: an error of ours is one line on standard error, and its exit code."""
    with collecting.paused():
        plugins = Plugins.load()
        app = build(plugins)
    call(app, plugins)


def call(app: typer.Typer, plugins: Plugins, arguments: list[str] | None = None) -> None:
    """Run what ``arguments`` ask for, those of this program if unset; ends in ``SystemExit``."""
    try:
        app(arguments)
    except SystemExit as end:
        if end.code == WRONG_USAGE:  # the command may be one of theirs
            for broken in plugins.broken:
                sys.stderr.write(f"lbdisc: plugin {broken.plugin} is broken: {broken.reason}\n")
        raise
    except LbdiscError as error:
        sys.stderr.write(f"lbdisc: {one_line(str(error))}\n")
        sys.exit(error.exit_code)


def one_line(message: str) -> str:
    """``message`` as it may stand in a terminal: keys and paths in it may hold anything."""
    text = message if message.isprintable() else "".join(map(_printable, message))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _printable(sign: str) -> str:
    return sign if sign.isprintable() else ascii(sign)[1:-1]
