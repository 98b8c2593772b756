"""What operators have ordered, in ``state_dir``: it outlives the agent, and every restart of it."""

import json
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lbdisc import atomic, own_files
from lbdisc.boot import boot_id, since_boot
from lbdisc.errors import LbdiscError, RenderError
from lbdisc.notes import UnusableNote
from lbdisc.rendered import Rendered
from lbdisc.state.overruling import Override, Overrides, Term

SCHEMA = 1
OPERATOR, PINNED = "operator.json", "pinned.json"
LARGEST = 256 * 1024 * 1024  # bytes of a pinned configuration with all its files
JUMP = 5.0  # seconds that a clock is set by; what is less is one that is kept right


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """The texts of an earlier ``generation`` run, whatever the registry says."""

    generation: int
    rendered: Rendered
    term: Term

    @property
    def digest(self) -> str:
        return self.rendered.digest[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class SteeringState:
    """All of it: who is overruled, and whether anything may be applied."""

    overrides: Overrides = field(default_factory=Overrides)
    pause: Term | None = None
    pin: Pin | None = None

    @property
    def end_s(self) -> float | None:
        """When the first of it ends by itself, in unix seconds."""
        terms = [each.term for each in self.overrides.by_key.values()]
        terms += [self.pause] if self.pause else []
        return min((t.until_s for t in terms if t.until_s is not None), default=None)

    def at(self, now_s: float) -> "SteeringState":
        """The same for who meets it now: nothing was ordered in the future."""
        overrides = Overrides.of(
            replace(each, term=each.term.not_later(now_s)) for each in self.overrides.all
        )
        return replace(self, overrides=overrides, pause=self.pause and self.pause.not_later(now_s))

    def moved(self, seconds: float) -> "SteeringState":
        """The same, where the clock was set by so much."""
        overrides = Overrides.of(
            replace(each, term=each.term.moved(seconds)) for each in self.overrides.all
        )
        pin = self.pin and replace(self.pin, term=self.pin.term.moved(seconds))
        pause = self.pause and self.pause.moved(seconds)
        return SteeringState(overrides=overrides, pause=pause, pin=pin)


class SteeredFile:
    """In ``folder``; the texts of a pin have a file of their own, which is written seldom."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / OPERATOR
        self.texts = folder / PINNED

    def read(self) -> SteeringState:
        """What was kept. Raises ``UnusableNote`` for what says nothing."""
        try:
            found = json.loads(own_files.read(self.path))
        except FileNotFoundError:
            return SteeringState()
        except OSError as error:
            raise UnusableNote(f"cannot read {self.path}: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise UnusableNote(f"{self.path} is damaged: {error}") from error
        try:
            if found["schema"] != SCHEMA:
                raise ValueError(f"schema {found['schema']} instead of {SCHEMA}")
            pause = found["pause"]
            kept = SteeringState(
                overrides=Overrides.of(map(Override.from_object, found["overrides"])),
                pause=pause and Term.from_object(pause),
                pin=found["pin"] and self._pin(found["pin"]),
            )
            return kept.moved(_set_since(found.get("clock")))
        except (ValueError, KeyError, TypeError, AttributeError, LbdiscError) as error:
            raise UnusableNote(f"{self.path} is damaged: {error!r}") from error

    def _pin(self, found: Mapping[str, Any]) -> Pin:
        generation, rendered = texts_in(self.texts)
        return Pin(generation=generation, rendered=rendered, term=Term.from_object(found))

    def save(self, steered: SteeringState) -> None:
        """Replace what is kept. Raises ``OSError``."""
        document = {
            "schema": SCHEMA,
            "overrides": [each.to_object() for each in steered.overrides.all],
            "pause": steered.pause and steered.pause.to_object(),
            "pin": steered.pin and steered.pin.term.to_object(),
            "clock": {"boot": boot_id(), "ahead_s": _ahead()},
        }
        if steered.pin is not None:
            self._save_texts(steered.pin)
        atomic.write(self.path, json.dumps(document, indent=1), mode=own_files.READABLE)
        if steered.pin is None:
            self.texts.unlink(missing_ok=True)

    def _save_texts(self, pin: Pin) -> None:
        document = {
            "schema": SCHEMA,
            "generation": pin.generation,
            "digest": pin.digest,
            "text": pin.rendered.text,
            "files": dict(pin.rendered.files),
        }
        atomic.write(self.texts, json.dumps(document), mode=0o600)  # there may be keys in it

    def clean_up(self) -> None:
        for path in (self.path, self.texts):
            atomic.clean_up(path)


def _ahead() -> float:
    """By how much the wall clock is ahead of the one that nobody sets."""
    return time.time() - since_boot()


def _set_since(found: Any) -> float:
    """By how many seconds the clock was set since; 0 where the machine was started anew.

    Only within one start of the machine is there a clock that tells. Raises ``ValueError``,
    ``KeyError``, ``TypeError``.
    """
    if not found or found["boot"] != boot_id():
        return 0.0
    moved = _ahead() - float(found["ahead_s"])
    return moved if math.isfinite(moved) and abs(moved) >= JUMP else 0.0


def texts_in(path: Path) -> tuple[int, Rendered]:
    """The generation whose texts the file holds, and they. Raises ``LbdiscError``."""
    try:
        found = json.loads(_owned(path))
        if not isinstance(found, dict) or found.get("schema") != SCHEMA:
            raise ValueError(f'a JSON object with "schema": {SCHEMA} is needed')
        generation, text, files = found["generation"], found["text"], found.get("files", {})
        if not isinstance(generation, int) or not isinstance(text, str):
            raise ValueError("generation is to be a number, text a text")
        if not isinstance(files, dict) or not all(isinstance(t, str) for t in files.values()):
            raise ValueError("files are to be names and texts")
        rendered = Rendered(text, tuple(files.items()))
    except OSError as error:
        raise LbdiscError(f"cannot read {path}: {error.strerror or error}") from error
    except KeyError as error:
        raise LbdiscError(f"{path} holds no generation's texts: {error} is missing") from error
    except (ValueError, RecursionError, RenderError) as error:
        raise LbdiscError(f"{path} holds no generation's texts: {error}") from error
    digest = str(found.get("digest", ""))
    if digest and not rendered.digest.startswith(digest):
        raise LbdiscError(f"{path} is damaged: its texts have not the digest {digest[:12]}")
    return generation, rendered


def _owned(path: Path) -> bytes:
    """What is in a file of this user, or of root. Raises ``OSError``, ``ValueError``."""
    with os.fdopen(own_files.opened(path, os.O_RDONLY), "rb") as file:
        found = os.fstat(file.fileno())
        if found.st_uid not in (0, os.geteuid()):
            raise ValueError("it belongs to somebody else")
        if found.st_size > LARGEST:
            raise ValueError(f"it is larger than {LARGEST} bytes")
        return file.read()
