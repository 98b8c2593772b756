"""Names in paths: doozer takes letters, digits, dots and dashes, lbdisc's names have ``_`` as well.

``_`` is written ``.-u``, and a ``.-`` that is part of a name ``.-x``; all else stays as it is. Both
are rare in names, so ``web-1`` and ``db.example.com`` look in doozer as they look everywhere.
"""

import re

from lbdisc.errors import EntryError, shown

_SPECIAL = re.compile(r"_|\.-")
_WRITTEN = re.compile(r"\.-(.?)", re.DOTALL)
_MEANS = {"u": "_", "x": ".-"}


def encoded(name: str) -> str:
    """``name`` as a part of a path. Only what names an endpoint or service may be given."""
    return _SPECIAL.sub(lambda found: ".-u" if found[0] == "_" else ".-x", name)


def decoded(part: str) -> str:
    """The name that stands in a path as ``part``. Raises ``EntryError``.

    No two parts stand for one name.
    """

    def meant(found: re.Match[str]) -> str:
        try:
            return _MEANS[found[1]]
        except KeyError:
            raise EntryError(f"bad name {shown(part)}: after .- stands u (for _) or x") from None

    return _WRITTEN.sub(meant, part)
