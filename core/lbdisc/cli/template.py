"""``lbdisc template``: the templates that travel with lbdisc."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from lbdisc.cli.common import write_json
from lbdisc.options import JsonOption


def app() -> typer.Typer:
    commands = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Get a copy of the templates. Example: lbdisc template export /etc/lbdisc",
    )
    commands.callback()(lambda: None)
    commands.command("export")(export)
    return commands


def export(
    folder: Annotated[Path, typer.Argument(help="Where to put the copies.", metavar="DIR")],
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Copy the templates to DIR, yours to change; then set jinja2.template.

    Example: lbdisc template export /etc/lbdisc
    """
    from lbdisc import atomic
    from lbdisc.builtin.jinja2.renderer import TEMPLATES
    from lbdisc.errors import LbdiscError

    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for template in sorted(TEMPLATES.glob("*.j2")):
            target = folder / template.name
            if target.exists() and not force:
                raise LbdiscError(f"{target} is there already: --force replaces it")
            atomic.write(target, template.read_text())
            written.append(target)
    except OSError as error:
        raise LbdiscError(f"cannot write to {folder}: {error.strerror}") from error
    finally:
        if not as_json:
            sys.stdout.writelines(f"{path}\n" for path in written)
    if as_json:
        write_json({"files": [str(path) for path in written]})
