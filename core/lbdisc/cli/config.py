"""``lbdisc config``: the effective settings and where each came from."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from lbdisc.cli.common import load_configuration, write_json
from lbdisc.options import BackendOption, ConfigOption, JsonOption, SetOption


def app() -> typer.Typer:
    commands = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Show and check the settings. Example: lbdisc config show",
    )
    commands.command("show")(show)
    commands.command("check")(check)
    commands.command("reference")(reference)
    commands.command("schema")(schema)
    commands.command("export")(export)
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
        rows = {
            row.key: {"value": _jsonable(row.value), "origin": row.origin} for row in settings.rows
        }
        file = settings.file and str(settings.file)
        write_json({"file": file, "settings": rows}, indent=1)
        return
    show_table(
        ("SETTING", "VALUE", "ORIGIN"),
        [(row.key, _text(row.value), row.origin) for row in settings.rows],
    )


def check(
    config: ConfigOption = None,
    backend: BackendOption = None,
    as_json: JsonOption = False,
    set_: SetOption = None,
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
    found = [*rehearse(settings.core, renderer, reloader), *remarks(reloader, settings)]
    if as_json:
        file = settings.file and str(settings.file)
        write_json({"file": file, "warnings": found})
        return
    for advice in found:
        sys.stderr.write(f"lbdisc: warning: {advice}\n")
    sys.stdout.write(f"settings are good (file: {settings.file or 'none'})\n")


def reference() -> None:
    """Print all settings of the core and of the installed plugins, as Markdown.

    Example: lbdisc config reference
    """
    from lbdisc.plugins import Plugins
    from lbdisc.settings.reference import settings_reference

    sys.stdout.write(settings_reference(Plugins.load().tables))


def schema() -> None:
    """Print the JSON Schema of lbdisc.toml, with the tables of the installed plugins.

    For editors, by a first line `#:schema ./lbdisc.schema.json`, and for checks before a rollout.

    Example: lbdisc config schema > lbdisc.schema.json
    """
    from lbdisc.plugins import Plugins
    from lbdisc.settings.schema import settings_schema

    sys.stdout.write(json.dumps(settings_schema(Plugins.load().tables), indent=1) + "\n")


def export(
    config: ConfigOption = None,
    backend: BackendOption = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what nobody has set, with its default.")
    ] = False,
    where: Annotated[
        str, typer.Option("--schema", metavar="PATH|URL", help="For the line `#:schema`.")
    ] = "./lbdisc.schema.json",
    set_: SetOption = None,
) -> None:
    """Print the effective settings as a lbdisc.toml; secrets are left out, their files are named.

    Example: LBDISC_BACKEND=etcd lbdisc config export > lbdisc.toml
    """
    from lbdisc.errors import SettingsError
    from lbdisc.settings.exporting import exported

    if not where.isprintable() or not where:
        raise SettingsError("--schema: a path or a URL is needed")
    _, settings = load_configuration(config, {"backend": backend}, set_)
    sys.stdout.write(exported(settings, schema=where, everything=everything))


def _jsonable(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return json.dumps(value, default=str) if isinstance(value, dict) else str(value)
