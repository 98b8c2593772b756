"""Free text as one of a few words: what becomes a label may not be without end."""

import re
from collections.abc import Mapping

OTHER = "other"

# Why a start or a reload was necessary. The first that fits counts.
RELOADS: Mapping[str, re.Pattern[str]] = {
    "absent": re.compile(r"HAProxy is not running|no HAProxy answers"),
    "settled": re.compile(r"reuse nothing|^settled"),
    "left": re.compile(r"s ago and has sessions still|servers that left are gone"),
    "replaced": re.compile(r"someone else reloaded it"),
    "unknown": re.compile(
        r"what runs is not known|nothing is known|no note says|noted|nothing answers at"
    ),
    "refused": re.compile(r"HAProxy refused"),
    "socket": re.compile(r"socket|haproxy\.runtime is off"),
    "many": re.compile(r"change at once|changed at once"),
    "files": re.compile(r"^file |^\S+ changed$|beside it$"),
    "text": re.compile(r"^line \d|sections? |the text changed|global"),
    "servers": re.compile(r"server|proxy"),
}

# Why a registry's state could not be known.
ERRORS: Mapping[str, re.Pattern[str]] = {
    "plugin": re.compile(r"discovery plugin"),
    "login": re.compile(
        r"permission|denied|not allowed|unauthori[sz]ed|forbidden|authentication|password|login"
        r"|credential|NoAuth",
        re.IGNORECASE,
    ),
    "tls": re.compile(r"certificate|\btls\b|\bssl\b", re.IGNORECASE),
    "timeout": re.compile(r"no answer|timed? ?out|deadline|within [\d.]+ s", re.IGNORECASE),
    "refused": re.compile(
        r"refused|unreachable|cannot connect|no route|reset|broken pipe|closed", re.IGNORECASE
    ),
    "missing": re.compile(r"no such|not found|does not exist|missing", re.IGNORECASE),
}

# What ``ApplyFailed.kind`` can be, as far as it tells anybody something.
FAILURES = (
    "CheckError",
    "RenderError",
    "ApplyError",
    "TakeoverRefused",
    "Unconfirmed",
    "NotLoaded",
    "ReloadFailed",
    "Refused",
    "Occupied",
    "Unreachable",
    "Forbidden",
)


def reload_word(text: str) -> str:
    """A key of ``RELOADS``, or ``OTHER``."""
    return _word(RELOADS, text)


def error_word(kind: str, text: str) -> str:
    """``settings`` where an operator has to mend something, else a key of ``ERRORS``."""
    return "settings" if kind == "settings" else _word(ERRORS, text)


def failure_word(kind: str) -> str:
    """One of ``FAILURES``, or ``OTHER``."""
    return kind if kind in FAILURES else OTHER


def _word(words: Mapping[str, re.Pattern[str]], text: str) -> str:
    return next((word for word, pattern in words.items() if pattern.search(text)), OTHER)
