"""What somebody who looks closer finds: one line each, what it means, and what to do about it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

Word = Literal["ok", "warn", "fail"]
RANK: tuple[Word, ...] = ("ok", "warn", "fail")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """``text`` says what was found, ``remedy`` is a command or a setting, for all but ``ok``."""

    word: Word
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """A look at ``what``, such as one member of a registry.

    ``look`` yields as it finds; it runs in a thread of its own, is given up after some seconds and
    may raise ``LbdiscError``, which is a finding as well.
    """

    what: str
    look: Callable[[], Iterable[Diagnosis]]


def ok(text: str) -> Diagnosis:
    """All is well."""
    return Diagnosis("ok", text)


def warn(text: str, remedy: str) -> Diagnosis:
    """It works, and is not as it should be."""
    return Diagnosis("warn", text, remedy)


def fail(text: str, remedy: str) -> Diagnosis:
    """It does not work."""
    return Diagnosis("fail", text, remedy)
