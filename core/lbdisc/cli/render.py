"""``lbdisc render`` and ``lbdisc plan``: what the registry's state gives, and what it costs."""

import difflib
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from lbdisc.cli.common import (
    BackendOption,
    ConfigOption,
    JsonOption,
    SetOption,
    check_text,
    load_configuration,
)

if TYPE_CHECKING:
    from pathlib import Path

    from lbdisc.configuration import Configuration
    from lbdisc.hooks import Planned
    from lbdisc.plugins import Plugins

RELOAD_NEEDED = 3


def render(
    config: ConfigOption = None,
    backend: BackendOption = None,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show what would change in the file, and how.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Let the load balancer check the text.")
    ] = False,
    set_: SetOption = None,
) -> None:
    """Print the configuration for the registry's state, and change nothing.

    With --diff the exit code is 3 when the change would need a reload.

    Example: lbdisc render --diff
    """
    from lbdisc.cli import wiring

    plugins, settings = load_configuration(config, {"backend": backend}, set_)
    text = _rendered(plugins, settings)
    output, reloader = settings.core.output, wiring.reloader(plugins, settings)
    if check:
        check_text(reloader, output.name, text)
    if not diff:
        sys.stdout.write(text)
        return
    before = _written(output)
    lines = difflib.unified_diff(
        before.splitlines(True), text.splitlines(True), str(output), "rendered"
    )
    sys.stdout.writelines(lines)
    planned = reloader.plan(before, text)
    sys.stderr.write(_line(planned))
    if planned.how == "reload":
        raise typer.Exit(RELOAD_NEEDED)


def plan(
    config: ConfigOption = None,
    backend: BackendOption = None,
    as_json: JsonOption = False,
    set_: SetOption = None,
) -> None:
    """Show what an apply would do: runtime commands, or a reload and why; change nothing.

    Exit code 0: nothing to do, or no reload needed; 3: a reload would be needed.

    Example: lbdisc plan --json
    """
    from lbdisc.cli import wiring

    plugins, settings = load_configuration(config, {"backend": backend}, set_)
    text = _rendered(plugins, settings)
    planned = wiring.reloader(plugins, settings).plan(_written(settings.core.output), text)
    if as_json:
        document = {
            "how": planned.how,
            "detail": planned.detail,
            "commands": list(planned.commands),
        }
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        sys.stdout.write(_line(planned))
        sys.stdout.writelines(f"  {command}\n" for command in planned.commands)
    if planned.how == "reload":
        raise typer.Exit(RELOAD_NEEDED)


def _line(planned: "Planned") -> str:
    return f"{planned.how}: {planned.detail.removeprefix('reload: ')}\n"


def _rendered(plugins: "Plugins", settings: "Configuration") -> str:
    from lbdisc.cli import wiring
    from lbdisc.cli.inspect import read_once

    snapshot = read_once(plugins, settings).only(settings.core.services)
    return wiring.renderer(plugins, settings).render(snapshot)


def _written(output: "Path") -> str:
    from lbdisc.errors import LbdiscError

    try:
        return output.read_text()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise LbdiscError(f"cannot read {output}: {error.strerror}") from error
