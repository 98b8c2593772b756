"""The page with the first document in it: whoever may see it asks for nothing else to draw it."""

import json

from lbdisc_web.packing import PackedText
from lbdisc_web.view import Document

PLACE = b"<!-- first -->\n"


class FirstPage:
    """``html`` has one ``PLACE`` for the document."""

    def __init__(self, html: bytes) -> None:
        self._before, self._after = html.split(PLACE)
        self.bare = PackedText(self._before + self._after)
        self._number = -1
        self._last = self.bare

    def showing(self, document: Document, number: int) -> PackedText:
        """The page that shows ``document``; whoever asks for the same number is given the same."""
        if number != self._number:
            element = b'<script type="application/json" id="first" data-number="%d">' % number
            text = element + _inert(document) + b"</script>\n"
            self._last = PackedText(self._before + text + self._after)
            self._number = number
        return self._last


def _inert(document: Document) -> bytes:
    """JSON that no browser takes for more: in a script element ``<`` alone begins anything.

    The element is a data block, which is not run (HTML standard, 4.12.1).
    """
    return json.dumps(document, separators=(",", ":")).replace("<", "\\u003c").encode()
