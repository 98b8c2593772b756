"""The last snapshot on disk, for a start without the registry: a line for each endpoint."""

import json
from pathlib import Path
from typing import Any

from lbdisc import atomic, own_files, records
from lbdisc.boot import machine
from lbdisc.errors import EntryError, shown
from lbdisc.notes import UnusableNote
from lbdisc.values import Change, Endpoint, Snapshot

SLACK = 1000  # lines of changes that are never worth writing all anew
_KIND, _VERSION = "snapshot", 2


class SnapshotFile:
    """The file at ``path``, written by one agent at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept: Snapshot | None = None
        self._lines = 0

    def save(self, snapshot: Snapshot, change: Change | None = None) -> None:
        """Keep ``snapshot``. Raises ``OSError``.

        A change costs a line of its own, not all endpoints again; the file is written anew when
        changes outweigh what they lead to. ``change`` is the way from what was kept last, where
        that is known.
        """
        # Until this is done the file may hold anything: after a failure it is written anew.
        kept, self._kept = self._kept, None
        if kept is None:
            change = None
        elif change is None:
            change = snapshot.since(kept)
        lines = [] if change is None else _lines(change)
        self._lines += len(lines)
        if change is None or self._lines > 2 * len(snapshot) + SLACK:
            lines = _lines(Change(added=snapshot.endpoints))
            text = "".join([_header(len(lines)), *lines])
            atomic.write(self.path, text, mode=own_files.READABLE)
            self._lines = len(lines)
        elif lines:
            own_files.append(self.path, "".join(lines))
        self._kept = snapshot

    def read(self) -> Snapshot | None:
        """What was kept; ``None`` when nothing was. Raises ``UnusableNote``.

        A last line that a crash has cut short is passed over; more that is missing is damage.
        """
        try:
            header, *lines = own_files.text_of(self.path).splitlines(keepends=True) or [""]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnusableNote(f"cannot read {self.path}: {error.strerror}") from error
        except ValueError as error:
            raise UnusableNote(f"{self.path} is damaged: {error}") from error
        count = self._check(header)
        if lines and not lines[-1].endswith("\n"):
            lines.pop()
        if len(lines) < count:
            raise UnusableNote(f"{self.path} is cut short: {len(lines)} of {count} endpoints")
        try:
            return _snapshot(lines)
        except (ValueError, TypeError, EntryError, RecursionError) as error:
            raise UnusableNote(f"{self.path} is damaged: {error}") from error

    def _check(self, header: str) -> int:
        """How many endpoints it begins with. Raises ``UnusableNote`` where it is not for us."""
        try:
            found = json.loads(header)
            its, count = found.get("version"), found.get("endpoints")
        except (ValueError, AttributeError, RecursionError) as error:
            raise UnusableNote(f"{self.path} is damaged: it has no header") from error
        if its != _VERSION or not isinstance(count, int) or found.get("kind") != _KIND:
            raise UnusableNote(f"{self.path} is of version {shown(its)} instead of {_VERSION}")
        if found.get("machine") and machine() and found["machine"] != machine():
            raise UnusableNote(f"{self.path} is of another machine")
        return count


def _header(count: int) -> str:
    head = {"kind": _KIND, "version": _VERSION, "endpoints": count, "machine": machine()}
    return json.dumps(head) + "\n"


def _snapshot(lines: list[str]) -> Snapshot:
    endpoints: dict[tuple[str, str], Endpoint] = {}
    for line in lines:
        service, name, record = json.loads(line)
        endpoints.pop((service, name), None)
        if record is not None:
            endpoints[service, name] = records.from_object(record, service=service, name=name)
    return Snapshot.of(endpoints.values())


def _lines(change: Change) -> list[str]:
    """``[service, name, record]`` for who is there, ``[service, name, null]`` for who went."""
    here = [(e.service, e.name, records.to_object(e)) for e in (*change.added, *change.changed)]
    gone: list[tuple[str, str, dict[str, Any] | None]]
    gone = [(e.service, e.name, None) for e in change.removed]
    return [json.dumps(entry, separators=(",", ":")) + "\n" for entry in (*gone, *here)]
