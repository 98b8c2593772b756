"""What is new in a document: whoever has the one before comes to the one after with it."""

from lbdisc_web.view import Document

ROWS = "endpoints"


def difference(before: Document, after: Document) -> Document:
    """The parts of ``after`` that are others, whole; of the endpoints only ``put`` and ``gone``."""
    parts = {
        name: value
        for name, value in after.items()
        if name not in (ROWS, "now_s") and before.get(name) != value
    }
    old, new = before[ROWS], after[ROWS]
    put = {key: row for key, row in new.items() if old.get(key) != row}
    gone = [key for key in old if key not in new]
    if put or gone:
        parts[ROWS] = {"put": put, "gone": gone}
    return parts
