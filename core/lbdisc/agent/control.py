"""Words to the agent that runs, by way of its state folder: no port, and only from its own user.

A word is a file that appears in one step; the agent takes it in its next turn, within a second, and
answers in a file beside it. Where no agent runs, the word waits for the next one.
"""

import fnmatch
import json
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from lbdisc import atomic, own_files
from lbdisc.errors import LbdiscError

PATIENCE = 5.0  # seconds for an answer
_EVERY = 0.02
_WORDS, _ANSWER = "word-*.json", ".answer"
_log = structlog.get_logger("lbdisc.control")


@dataclass(frozen=True, slots=True)
class ControlReply:
    """What the agent says to a word; ``done`` whether it did something."""

    done: bool
    text: str


# What is asked, such as ``guard.release``, and of what.
Obey = Callable[[str, str], ControlReply]


class Control:
    """Both ends of the way to the agent that has the state folder ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def say(self, ask: str, what: str = "") -> Path:
        """Leave a word; returns its file. Raises ``LbdiscError`` for who may not."""
        path = self._folder / f"word-{time.time_ns()}-{os.getpid()}.json"
        try:
            atomic.write(path, json.dumps({"ask": ask, "what": what}))
        except OSError as error:
            raise LbdiscError(
                f"no word to the agent of state_dir {self._folder}: {error.strerror}; "
                "be root, or the agent's user"
            ) from error
        return path

    def answer(self, word: Path, *, patience: float = PATIENCE) -> ControlReply | None:
        """The agent's answer, ``None`` while there is none; the word then stays said."""
        path = word.with_suffix(_ANSWER)
        end = time.monotonic() + patience
        while time.monotonic() < end:
            with suppress(OSError, ValueError, KeyError):
                found = json.loads(own_files.read(path))
                path.unlink()
                return ControlReply(bool(found["done"]), str(found["text"]))
            time.sleep(_EVERY)
        return None

    def obey(self, obey: Obey) -> None:
        """The agent's end: do what was asked, the oldest word first."""
        for path in self._named(_WORDS):
            try:
                found = json.loads(own_files.read(path)) if _is_trusted(path) else {}
                path.unlink()
                answer = obey(str(found["ask"]), str(found["what"]))
                atomic.write(
                    path.with_suffix(_ANSWER),
                    json.dumps({"done": answer.done, "text": answer.text}),
                )
            except (OSError, ValueError, KeyError, TypeError) as error:
                _log.warning("a word that cannot be followed", file=str(path), why=repr(error))
                with suppress(OSError):
                    path.unlink()

    def clean_up(self) -> None:
        """Answers that nobody has read go; for an agent that starts."""
        for path in self._named(f"word-*{_ANSWER}"):
            with suppress(OSError):
                path.unlink()

    def _named(self, pattern: str) -> list[Path]:
        """The files of that pattern, in order; asked once a second, so no costly ``Path.glob``."""
        with suppress(OSError), os.scandir(self._folder) as found:
            names = fnmatch.filter((entry.name for entry in found), pattern)
            return [self._folder / name for name in sorted(names)]
        return []


def _is_trusted(path: Path) -> bool:
    """Whether it was written by the agent's user, or by root."""
    found = path.lstat()
    return stat.S_ISREG(found.st_mode) and found.st_uid in (0, os.geteuid())
