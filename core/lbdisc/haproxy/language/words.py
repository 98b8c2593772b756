"""A line of HAProxy's configuration cut into words (configuration manual 2.2, "Quoting")."""

import re
from collections.abc import Mapping

# A line without any of these is cut at blanks alone.
_ODD = re.compile(r"""["'\\#$]|[^\x20-\x7e\t]""")
_BLANK = " \t\v\f\r\n"
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", " ": " ", "\\": "\\", '"': '"', "'": "'", "#": "#"}
_HEX = re.compile(r"[0-9a-fA-F]{2}")
# `$NAME`, `${NAME}`, `${NAME-default}` and `${NAME[*]}`, which is cut into words (manual 2.3).
_VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:-([^}]*)|(\[\*\]))?\})", re.A)
_UNBRACED = re.compile(r"\$([A-Za-z_]\w*)()()()", re.A)


def split(line: str, environment: Mapping[str, str] | None = None) -> tuple[tuple[str, ...], bool]:
    """The words of ``line``, and whether it is exact: without environment variables.

    Variables are left as they stand where only HAProxy knows its ``environment``. With one they are
    replaced as 3.4 does it; the pseudo variables ``.FILE``, ``.LINE`` and ``.SECTION`` stay.
    """
    if not _ODD.search(line):
        return tuple(line.split()), True
    return _Cutter(line, environment).cut()


class _Cutter:
    def __init__(self, line: str, environment: Mapping[str, str] | None) -> None:
        self._line = line
        self._environment = environment
        self._expanded = False  # in this word: an empty one is then none
        self._words: list[str] = []
        self._word: list[str] | None = None  # None between words; [] is the empty word ""
        self._quote = ""
        self._exact = True
        self._last_brace = line.rfind("}")  # behind it no variable in braces ends

    def cut(self) -> tuple[tuple[str, ...], bool]:
        at = 0
        while at < len(self._line):
            sign = self._line[at]
            if sign in "\n\r\0" or (sign == "#" and not self._quote):
                break  # HAProxy ends a line here, also in the middle of a word
            at = self._take(sign, at)
        self._end_word()
        return tuple(self._words), self._exact

    def _take(self, sign: str, at: int) -> int:
        if sign in "\"'" and self._quote in ("", sign):
            self._quote = "" if self._quote else sign
            self._add("")
        elif sign == "\\" and self._quote != "'":
            return self._escape(at)
        elif not self._quote and sign in _BLANK:
            self._end_word()
        else:
            if sign == "$" and self._quote == '"':
                return self._variable(at)
            self._add(sign)
        return at + 1

    def _variable(self, at: int) -> int:
        pattern = _VARIABLE if at < self._last_brace else _UNBRACED
        found = pattern.match(self._line, at)
        if self._environment is None or found is None:
            self._exact = False
            self._add("$")
            return at + 1
        plain, braced, default, cut = found.groups()
        value = self._environment.get(plain or braced, default or "")
        if cut:
            self._expand(value)
        else:
            self._add(value)
        return found.end()

    def _expand(self, value: str) -> None:
        """Each blank in ``value`` ends a word, within the quotes."""
        self._expanded = True
        first, *more = re.split(r"[ \t\v\f\r\n]+", value)
        self._add(first)
        for word in more:
            self._end_word()
            self._expanded = True
            self._add(word)

    def _escape(self, at: int) -> int:
        sign = self._line[at + 1 : at + 2]
        if sign == "x" and _HEX.match(self._line, at + 2):
            self._add(chr(int(self._line[at + 2 : at + 4], 16)))
            return at + 4
        if sign == "$" and self._quote == '"':
            self._add("$")
        elif sign in _ESCAPES:
            self._add(_ESCAPES[sign])
        else:
            self._add("\\")
            return at + 1
        return at + 2

    def _add(self, text: str) -> None:
        if self._word is None:
            self._word = []
        self._word.append(text)

    def _end_word(self) -> None:
        if self._word is not None:
            word = "".join(self._word)
            if word or not self._expanded:
                self._words.append(word)
            self._word = None
        self._expanded = False
