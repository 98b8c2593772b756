"""The texts of tags in a template: anybody who may write a record wrote them.

One that is a plain word is a text like any other. Any other becomes a ``ForeignText``, which never
gets into a configuration as it is: a blank in it would begin another word, a ``#`` end the line, a
``%[`` be an expression. It goes through ``| quote``, or its endpoint is left out with one line.
"""

import re
from collections.abc import Callable
from functools import total_ordering
from typing import Any

from lbdisc.errors import shown
from lbdisc.values import Endpoint

# One word wherever it stands, in HAProxy's configuration and others'; `-f` would be an option.
_PLAIN = re.compile(r"(?:[A-Za-z0-9_.:/@+=,*][A-Za-z0-9_.:/@+=,*-]*)?")
_METHODS = frozenset(
    (
        *("endswith", "isalnum", "isdigit", "lower", "lstrip", "partition", "removeprefix"),
        *("removesuffix", "replace", "rpartition", "rsplit", "rstrip", "split", "startswith"),
        *("strip", "upper"),
    )
)


@total_ordering
class ForeignText:
    """The text of the tag ``name``; it can be compared, cut and asked, and has to be quoted."""

    __slots__ = ("_name", "_text")

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._text = text

    @property
    def quotable(self) -> str:
        """The text for ``| quote``. Raises ``ValueError`` for what quotes do not make harmless."""
        if "%" in self._text:
            raise ValueError(
                f"{self._said} holds %, which begins an expression where HAProxy takes a format:"
                " only `| verbatim` passes it on"
            )
        return self._text

    @property
    def verbatim(self) -> str:
        """The text as it is, for files that know neither words nor expressions."""
        return self._text

    def __str__(self) -> str:
        raise ValueError(f"{self._said} is no plain word: let it pass through `| quote`")

    def __add__(self, other: object) -> str:
        return str(self)

    def __radd__(self, other: object) -> str:
        return str(self)

    def __format__(self, spec: str) -> str:
        return str(self)

    def __repr__(self) -> str:
        return f"<tag {self._name}>"

    @property
    def _said(self) -> str:
        return f"the tag {self._name}={shown(self._text)}"

    def __eq__(self, other: object) -> bool:
        return self._text == (other._text if isinstance(other, ForeignText) else other)

    def __lt__(self, other: object) -> bool:
        return self._text < str(other._text if isinstance(other, ForeignText) else other)

    def __hash__(self) -> int:
        return hash(self._text)

    def __len__(self) -> int:
        return len(self._text)

    def __contains__(self, part: object) -> bool:
        return str(part) in self._text

    def __getattr__(self, method: str) -> Callable[..., Any]:
        if method not in _METHODS:
            raise AttributeError(f"a tag's text has no {method}")
        call = getattr(self._text, method)
        return lambda *given: _kept(self._name, call(*given))


def _kept(name: str, found: Any) -> Any:
    if isinstance(found, str):
        return text_of(name, found)
    if isinstance(found, list | tuple):
        return type(found)(_kept(name, each) for each in found)
    return found


def text_of(name: str, text: str) -> str | ForeignText:
    """``text`` of the tag ``name`` as a template gets it."""
    return text if _PLAIN.fullmatch(text) else ForeignText(name, text)


def in_template(endpoint: Endpoint, attribute: str) -> Any:
    """The attribute ``tag`` or ``tags`` of ``endpoint`` as a template gets it."""
    if attribute == "tags":
        return tuple((name, text_of(name, text)) for name, text in endpoint.tags)
    return lambda name, default="": text_of(name, endpoint.tag(name, default))


def plain(value: object) -> str:
    """For JSON, which escapes by itself. Raises ``TypeError`` for what is no tag's text."""
    if isinstance(value, ForeignText):
        return value.verbatim
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
