"""What the commands share: their options, and the way to settings and plugins."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lbdisc.plugins import Plugins

if TYPE_CHECKING:
    from lbdisc.hooks import Reloader
    from lbdisc.rendered import Rendered
    from lbdisc.settings.loading import Settings

SCHEMA = 1  # of every JSON document; a change that is not only an addition raises it


def write_json(document: Mapping[str, Any], *, indent: int | None = None) -> None:
    """Write ``document`` and its ``schema`` to standard output, at once: one line if not indented.

    What watches writes one such line after the other (NDJSON).
    """
    import json

    sys.stdout.write(json.dumps({"schema": SCHEMA, **document}, indent=indent, default=str) + "\n")
    sys.stdout.flush()


def write_answer(text: str, *, as_json: bool) -> None:
    """Write what the agent, or who comes after it, says to an order that is done or kept."""
    if as_json:
        write_json({"done": True, "text": text})
    else:
        sys.stdout.write(f"{text}\n")


def check_rendered(reloader: "Reloader", output: Path, rendered: "Rendered") -> None:
    """Let the load balancer check what would be in ``output``'s folder. Raises ``LbdiscError``."""
    import tempfile

    from lbdisc.errors import CheckError
    from lbdisc.installing import Manifest
    from lbdisc.mirror import mirror

    gone = {*Manifest.read(output).files} - rendered.names
    with tempfile.TemporaryDirectory(prefix="lbdisc-") as made:
        folder = Path(made) / "all"
        try:
            reloader.check(mirror(folder, output, rendered, gone=gone))
        except CheckError as error:
            texts = (text.replace(f"{folder}/", "") for text in (str(error), error.said))
            raise CheckError(next(texts), said=next(texts)) from error


def load_configuration(
    config: Path | None,
    flags: Mapping[str, Any] | None = None,
    assignments: Sequence[str] | None = None,
    plugins: Plugins | None = None,
    *,
    tell_broken: bool = True,
) -> "tuple[Plugins, Settings]":
    """Load the plugins and the settings, and set up logging. Raises ``LbdiscError``.

    Broken plugins are logged; not with ``tell_broken=False``, for who tells them to all listeners.
    """
    from lbdisc.cli import logs

    loaded = plugins or Plugins.load()
    settings = read_settings(loaded, config, flags, assignments)
    logs.set_up(settings.core.log)
    if tell_broken:
        from lbdisc.builtin.journal.journal import Journal

        for event in loaded.complaints:
            Journal().hear(event)
    return loaded, settings


def read_settings(
    plugins: Plugins,
    config: Path | None,
    flags: Mapping[str, Any] | None = None,
    assignments: Sequence[str] | None = None,
) -> "Settings":
    """The settings alone; nothing is set up by them. Raises ``LbdiscError``."""
    from lbdisc.settings import loading

    return loading.load(
        plugins.tables,
        file=config,
        flags=flags,
        assignments=assignments or (),
        broken={broken.plugin.split()[0] for broken in plugins.broken},
    )
