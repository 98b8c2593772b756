"""The first line of a section: its name, and the ``defaults`` that it takes over (manual 4).

The name is the second word, whatever it is, also of a proxy that is called ``from``; only
``defaults`` may go without one.
"""

from lbdisc.haproxy.language.lines import Words


def name_of(words: Words) -> str:
    """The name in a header, ``""`` where it has none."""
    return words[1] if _named(words) else ""


def taken_over(words: Words) -> str:
    """The ``defaults`` that a header names behind ``from``, ``""`` for none."""
    rest = words[2:] if _named(words) else words[1:]
    return rest[1] if len(rest) > 1 and rest[0] == "from" else ""


def _named(words: Words) -> bool:
    return len(words) > 1 and not (words[0] == "defaults" and words[1] == "from")
