"""``lbdisc template``: the templates that travel with lbdisc."""

import sys
from pathlib import Path
from typing import Annotated

import typer


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
) -> None:
    """Copy the templates to DIR, yours to change; then set jinja2.template.

    Example: lbdisc template export /etc/lbdisc
    """
    from lbdisc import atomic
    from lbdisc.builtin.jinja2.renderer import TEMPLATES
    from lbdisc.errors import LbdiscError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for template in sorted(TEMPLATES.glob("*.j2")):
            target = folder / template.name
            if target.exists() and not force:
                raise LbdiscError(f"{target} is there already: --force replaces it")
            atomic.write(target, template.read_text())
            sys.stdout.write(f"{target}\n")
    except OSError as error:
        raise LbdiscError(f"cannot write to {folder}: {error.strerror}") from error
