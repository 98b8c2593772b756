"""Notes of an agent to the one after it, which hold for this start of the machine alone.

A note is a JSON object that says what it is of, in which version and of which boot. It need not be
on disk at once: after a crash of the machine it is of another boot, whatever it holds.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lbdisc import atomic, own_files
from lbdisc.boot import boot_id
from lbdisc.errors import LbdiscError, shown


class UnusableNote(LbdiscError):
    """The note is there and says nothing that holds: it is damaged, or of another kind or boot."""


def write(path: Path, kind: str, version: int, content: Mapping[str, Any]) -> None:
    """Replace the note in one step. Raises ``OSError``."""
    head = {"kind": kind, "version": version, "boot": boot_id()}
    staged = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        staged.unlink(missing_ok=True)
        own_files.write_anew(staged, json.dumps({**head, **content}) + "\n")
        staged.replace(path)
    except BaseException:
        with suppress(OSError):
            atomic.discard(staged)
        raise


def read(path: Path, kind: str, version: int) -> dict[str, Any] | None:
    """What was noted in this boot; ``None`` without a note. Raises ``UnusableNote``."""
    try:
        found = json.loads(own_files.read(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnusableNote(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UnusableNote(f"{path} is damaged: {error}") from error
    if not isinstance(found, dict) or found.get("kind") != kind:
        raise UnusableNote(f"{path} is no note of lbdisc on {kind}")
    if found.get("version") != version:
        its = shown(found.get("version"))
        raise UnusableNote(f"{path} is of version {its} instead of {version}")
    if not found.get("boot") or found["boot"] != boot_id():
        raise UnusableNote(f"{path} is of another machine, or of before its last start")
    return found
