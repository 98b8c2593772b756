"""What the commands of the history open."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lbdisc.hooks import Context
    from lbdisc_history.reading import JournalFolder


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
