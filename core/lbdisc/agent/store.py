"""The agent's state folder: a lock, the last snapshot, and what ``lbdisc status`` shows."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from lbdisc import atomic, records
from lbdisc.errors import EntryError, LbdiscError, SettingsError
from lbdisc.installing import heal
from lbdisc.values import Change, Endpoint, Snapshot

SLACK = 1000  # lines of changes that are never worth writing all anew
_HEADER = '{"snapshot": 1}\n'


class Store:
    """Files in ``folder``, each replaced in one step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.snapshot_file = folder / "snapshot.jsonl"
        self._kept: Snapshot | None = None
        self._lines = 0
        self.status_file = folder / "status.json"
        self.heartbeat_file = folder / "heartbeat"
        self._lock = folder / "agent.lock"

    def prepare(self) -> None:
        """Make the folder. Raises ``SettingsError`` where that is not possible."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            writable = os.access(self.folder, os.W_OK | os.X_OK)
        except OSError as error:
            raise SettingsError(f"state_dir {self.folder}: {error.strerror}") from error
        if not writable:
            raise SettingsError(f"state_dir {self.folder}: not writable; set another state_dir")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one agent. Raises ``LbdiscError`` when another has it."""
        with locked(self._lock, what=f"state_dir {self.folder}", setting="state_dir"):
            for file in (self.snapshot_file, self.status_file):
                atomic.clean_up(file)
            yield

    @property
    def holder(self) -> int | None:
        """The process that holds the folder, as it called itself; ``None`` while none does.

        0 where it did not say. Raises ``LbdiscError`` where this user may not know.
        """
        try:
            with self._lock.open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return None
        except BlockingIOError:
            said = self._lock.read_text().strip()
            return int(said) if said.isdecimal() else 0
        except OSError as error:
            raise LbdiscError(f"cannot read {self._lock}: {error.strerror}") from error
        return None

    def save_snapshot(self, snapshot: Snapshot, change: Change | None = None) -> None:
        """Keep ``snapshot`` for a start without the registry. Raises ``OSError``.

        A change costs a line of its own, not all endpoints again; the file is written anew when
        changes outweigh what they lead to. A line cut short by a crash is passed over. ``change``
        is the way from what was kept last, where that is known.
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
            atomic.write(self.snapshot_file, "".join([_HEADER, *lines]))
            self._lines = len(lines)
        elif lines:
            with self.snapshot_file.open("a") as file:
                file.write("".join(lines))
        self._kept = snapshot

    def last_snapshot(self) -> Snapshot | None:
        """What was kept; ``None`` when nothing, or nothing usable, was."""
        try:
            header, *lines = self.snapshot_file.read_text().splitlines(keepends=True)
        except (OSError, ValueError):
            return None
        if header != _HEADER:
            return None
        endpoints: dict[tuple[str, str], Endpoint] = {}
        for line in lines:
            with suppress(ValueError, TypeError, EntryError):
                service, name, record = json.loads(line)
                endpoints.pop((service, name), None)
                if record is not None:
                    found = records.from_object(record, service=service, name=name)
                    endpoints[service, name] = found
        return Snapshot.of(endpoints.values())

    def save_status(self, status: Mapping[str, Any]) -> None:
        """Replace what ``lbdisc status`` shows. Raises ``OSError``."""
        atomic.write(self.status_file, json.dumps(status, indent=1))

    def status(self) -> dict[str, Any] | None:
        """What the agent last said of itself; ``None`` when it never did."""
        try:
            found = json.loads(self.status_file.read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise LbdiscError(f"cannot read {self.status_file}: {error}") from error
        return found if isinstance(found, dict) else None


@contextmanager
def locked(lock: Path, *, what: str, setting: str) -> Iterator[None]:
    """Hold the file ``lock``, for which ``what`` stands, as the only process.

    Raises ``LbdiscError`` that names the holder and ``setting``, ``OSError`` where there can be no
    such file.
    """
    lock.touch()
    # For reading: a file that is open for writing keeps its file system from being made read-only.
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = lock.read_text().strip() or "unknown"
            raise LbdiscError(
                f"another lbdisc uses {what} (process {owner}): stop it, or give this one a "
                f"{setting} of its own"
            ) from None
        with suppress(OSError):  # a full disk stops no agent; the number is for people
            lock.write_text(f"{os.getpid()}\n")
        yield


@contextmanager
def claimed(output: Path) -> Iterator[None]:
    """Be the only one that writes ``output``. Raises ``LbdiscError`` when another does."""
    with ExitStack() as stack:
        with suppress(OSError):  # where nobody may write, nobody is in the way
            output.parent.mkdir(parents=True, exist_ok=True)
            lock = output.with_name(f".{output.name}.lock")
            stack.enter_context(locked(lock, what=f"output {output}", setting="output"))
        atomic.clean_up(output)
        heal(output)
        yield


def _lines(change: Change) -> list[str]:
    """``[service, name, record]`` for who is there, ``[service, name, null]`` for who went."""
    here = [(e.service, e.name, records.to_object(e)) for e in (*change.added, *change.changed)]
    gone = [(e.service, e.name, None) for e in change.removed]
    return [json.dumps(entry, separators=(",", ":")) + "\n" for entry in (*gone, *here)]
