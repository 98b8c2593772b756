"""What makes a value one word of a configuration."""

import re

from lbdisc.builtin.jinja2.foreign import ForeignText
from lbdisc.errors import shown

# What needs no quotes in HAProxy's configuration (manual 2.2, "Quoting and escaping").
_PLAIN = re.compile(r"[A-Za-z0-9_.:/@%+=,*\[\]-]+")
# Control characters, other ends of lines, and halves of characters, which no file can hold.
HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def quote(value: object) -> str:
    """``value`` as one word of HAProxy's configuration, in strong quotes where it needs any.

    Raises ``ValueError`` for control characters, which no quoting makes harmless, and for what a
    tag brings that is none in quotes either.
    """
    text = value.quotable if isinstance(value, ForeignText) else str(value)
    if _PLAIN.fullmatch(text):
        return text
    if HIDDEN.search(text):
        raise ValueError(f"{shown(text)} holds control characters")
    return "'" + text.replace("'", "'\\''") + "'"


def verbatim(value: object) -> str:
    """``value`` on one line, as it is: for maps and lists, whose lines are values, not words.

    Raises ``ValueError`` for control characters.
    """
    text = value.verbatim if isinstance(value, ForeignText) else str(value)
    if HIDDEN.search(text):
        raise ValueError(f"{shown(text)} holds control characters")
    return text
