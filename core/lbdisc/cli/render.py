"""``lbdisc render``: the configuration that the registry's state gives."""

import difflib
import sys
from typing import Annotated

import typer

from lbdisc.cli.common import BackendOption, ConfigOption, SetOption, load_configuration


def render(
    config: ConfigOption = None,
    backend: BackendOption = None,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show what would change in the file, not the text.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Let the load balancer check the text.")
    ] = False,
    set_: SetOption = None,
) -> None:
    """Print the configuration for the registry's state, and change nothing.

    Example: lbdisc render --diff
    """
    from lbdisc import files
    from lbdisc.cli import wiring
    from lbdisc.cli.inspect import read_once

    plugins, settings = load_configuration(config, {"backend": backend}, set_)
    snapshot = read_once(plugins, settings).only(settings.core.services)
    text = wiring.renderer(plugins, settings).render(snapshot)
    output = settings.core.output
    if check:
        import tempfile
        from pathlib import Path

        with (
            tempfile.TemporaryDirectory(prefix="lbdisc-") as folder,
            files.staged(Path(folder) / output.name, text) as candidate,
        ):
            wiring.reloader(plugins, settings).check(candidate)
    if diff:
        before = output.read_text().splitlines(True) if output.exists() else []
        lines = difflib.unified_diff(before, text.splitlines(True), str(output), "rendered")
        sys.stdout.writelines(lines)
    else:
        sys.stdout.write(text)
