"""The texts and endpoints of generations, as their entries name them.

An entry says what came, went and changed. Where that is not enough, as in the first entry of a file
and after a gap, it also names a text that lists all endpoints.
"""

import json
from collections.abc import Iterable

from lbdisc.events import GenerationApplied
from lbdisc.events.entries import object_of
from lbdisc.values import Endpoint
from lbdisc_history.lines import Entry
from lbdisc_history.writing import JournalWriter


class GenerationTexts:
    """Knows whether what the journal has so far leads to the generation that is told."""

    def __init__(self) -> None:
        self._last = 0
        self._file = 0  # the journal's file in which all endpoints were named last

    def lost_sight(self) -> None:
        """Entries are missing: the next is to name everything."""
        self._last = 0

    def named(self, event: GenerationApplied, journal: JournalWriter) -> Entry:
        """The further keys of its entry; the texts are kept. Raises ``OSError``."""
        found: Entry = {"count": len(event.endpoints)}
        if event.rendered is not None:
            files = (("", event.rendered.text), *event.rendered.files)
            found["texts"] = {name: journal.keep(text) for name, text in files}
        follows = self._last and event.generation == self._last + 1
        if not follows or journal.file != self._file:
            found["served"] = journal.keep(listed(event.endpoints))
        self._last, self._file = event.generation, journal.file
        return found


def listed(endpoints: Iterable[Endpoint]) -> str:
    """All of them as a text: one object a line."""
    return "".join(json.dumps(object_of(e), separators=(",", ":")) + "\n" for e in endpoints)
