"""The options that the commands of the history share, and what they open."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lbdisc.hooks import Context
    from lbdisc_history.reading import JournalFolder

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="The settings file, as of lbdisc run.")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any setting.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]


def journal_of(context: "Context") -> "JournalFolder":
    """The journal that the settings name. Raises ``LbdiscError`` where there is none."""
    from lbdisc.errors import LbdiscError
    from lbdisc_history.reading import JournalFolder

    settings = context.settings
    journal = JournalFolder(settings.table("history").folder)
    if journal.is_empty:
        off = " (listeners_off names history)" if "history" in settings.core.listeners_off else ""
        raise LbdiscError(f"there is no history in {journal.folder}: lbdisc run keeps one{off}")
    return journal
