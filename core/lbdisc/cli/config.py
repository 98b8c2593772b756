"""``lbdisc config``: the effective settings and where each came from."""

import json
import sys
from pathlib import Path
from typing import Any

import typer

from lbdisc.cli.common import (
    BackendOption,
    ConfigOption,
    JsonOption,
    SetOption,
    load_configuration,
)


def app() -> typer.Typer:
    commands = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Show and check the settings. Example: lbdisc config show",
    )
    commands.command("show")(show)
    commands.command("check")(check)
    commands.command("reference")(reference)
    return commands


def show(
    config: ConfigOption = None,
    backend: BackendOption = None,
    as_json: JsonOption = False,
    set_: SetOption = None,
) -> None:
    """Print every effective value and where it came from; secrets are masked.

    Example: lbdisc config show --json
    """
    from lbdisc.cli.tables import show_table

    _, settings = load_configuration(config, {"backend": backend}, set_)
    if as_json:
        document = {
            row.key: {"value": _jsonable(row.value), "origin": row.origin} for row in settings.rows
        }
        sys.stdout.write(json.dumps(document, indent=1, default=str) + "\n")
        return
    show_table(
        ("SETTING", "VALUE", "ORIGIN"),
        [(row.key, _text(row.value), row.origin) for row in settings.rows],
    )


def check(
    config: ConfigOption = None, backend: BackendOption = None, set_: SetOption = None
) -> None:
    """Check settings, plugins and template, without the registry.

    The template is rendered for made-up endpoints, and the load balancer checks the result. What it
    takes although something is amiss is a warning. Exit code 0: good, also with warnings; 1: the
    template or the load balancer refuses; 2: the settings are wrong.

    Example: lbdisc config check -c lbdisc.toml
    """
    from lbdisc.cli.rehearsing import rehearse
    from lbdisc.cli.taking import remarks
    from lbdisc.settings import choosing

    plugins, settings = load_configuration(config, {"backend": backend}, set_)
    choosing.discovery(plugins, settings)
    renderer, reloader = choosing.renderer(plugins, settings), choosing.reloader(plugins, settings)
    for advice in (*rehearse(settings.core, renderer, reloader), *remarks(reloader, settings)):
        sys.stderr.write(f"lbdisc: warning: {advice}\n")
    sys.stdout.write(f"settings are good (file: {settings.file or 'none'})\n")


def reference() -> None:
    """Print all settings of the core and of the installed plugins, as Markdown.

    Example: lbdisc config reference
    """
    from lbdisc.plugins import Plugins
    from lbdisc.settings.reference import settings_reference

    sys.stdout.write(settings_reference(Plugins.load().tables))


def _jsonable(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return json.dumps(value, default=str) if isinstance(value, dict) else str(value)
