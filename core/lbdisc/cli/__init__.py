"""The command line. Each command has a module; what is heavy is imported inside it."""

import sys

import typer

from lbdisc import __version__, collecting
from lbdisc.cli.context import CommandContext
from lbdisc.errors import LbdiscError
from lbdisc.plugins import Plugins

COMMANDS = (
    *("run", "stop", "register", "nodes", "render", "plan", "adopt", "status", "guard"),
    *("plugins", "config"),
    "template",
)

WRONG_USAGE = 2


def build(plugins: Plugins) -> typer.Typer:
    """The application with the core's commands and those of ``plugins``."""
    from lbdisc.cli import (
        adopt,
        config,
        guard,
        nodes,
        plugin_list,
        register,
        render,
        run,
        status,
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
    try:
        app()
    except SystemExit as end:
        if end.code == WRONG_USAGE:  # the command may be one of theirs
            for broken in plugins.broken:
                sys.stderr.write(f"lbdisc: plugin {broken.plugin} is broken: {broken.reason}\n")
        raise
    except LbdiscError as error:
        sys.stderr.write(f"lbdisc: {error}\n")
        sys.exit(error.exit_code)
