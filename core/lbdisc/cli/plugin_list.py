"""``lbdisc plugins``: who offers what."""

import sys

from lbdisc.cli.common import write_json
from lbdisc.cli.context import CommandContext
from lbdisc.options import JsonOption
from lbdisc.plugins import Plugins


def plugins(as_json: JsonOption = False) -> None:
    """List the plugins and what they offer; exit code 1 when one is broken.

    Example: lbdisc plugins
    """
    import typer

    from lbdisc.cli.tables import show_table

    loaded = Plugins.load()
    loaded.add_commands(typer.Typer(), CommandContext(loaded))
    rows = [(o.kind, o.provider.name, o.plugin) for o in loaded.offers]
    if as_json:
        document = {
            "offers": [dict(zip(("kind", "name", "plugin"), row, strict=True)) for row in rows],
            "broken": [{"plugin": b.plugin, "reason": b.reason} for b in loaded.broken],
        }
        write_json(document)
    else:
        show_table(("KIND", "NAME", "PLUGIN"), rows)
        for broken in loaded.broken:
            sys.stderr.write(f"broken: {broken.plugin}: {broken.reason}\n{broken.trace}")
    if loaded.broken:
        raise typer.Exit(1)
