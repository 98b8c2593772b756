"""The agent's state folder: a lock, the last snapshot, and what ``lbdisc status`` shows."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lbdisc import files, records
from lbdisc.errors import EntryError, LbdiscError, SettingsError
from lbdisc.values import Snapshot


class Store:
    """Files in ``folder``, each replaced in one step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._snapshot = folder / "snapshot.json"
        self._status = folder / "status.json"
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
        with self._lock.open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LbdiscError(
                    f"another lbdisc uses state_dir {self.folder} (process {self._owner()}): "
                    "stop it, or give this one a state_dir of its own"
                ) from None
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            yield

    def _owner(self) -> str:
        return self._lock.read_text().strip() or "unknown"

    @property
    def agent_runs(self) -> bool:
        """Whether an agent holds the folder."""
        try:
            with self._lock.open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep ``snapshot`` for a start without the registry. Raises ``OSError``."""
        entries = [
            {"service": e.service, "name": e.name, **records.to_object(e)}
            for e in snapshot.endpoints
        ]
        files.write(self._snapshot, json.dumps({"version": 1, "endpoints": entries}))

    def last_snapshot(self) -> Snapshot | None:
        """What was kept; ``None`` when nothing, or nothing usable, was."""
        try:
            entries = json.loads(self._snapshot.read_text())["endpoints"]
            return Snapshot.of(
                records.from_object(entry, service=entry["service"], name=entry["name"])
                for entry in entries
            )
        except (OSError, ValueError, KeyError, TypeError, EntryError):
            return None

    def save_status(self, status: Mapping[str, Any]) -> None:
        """Replace what ``lbdisc status`` shows. Raises ``OSError``."""
        files.write(self._status, json.dumps(status, indent=1))

    def status(self) -> dict[str, Any] | None:
        """What the agent last said of itself; ``None`` when it never did."""
        try:
            found = json.loads(self._status.read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise LbdiscError(f"cannot read {self._status}: {error}") from error
        return found if isinstance(found, dict) else None
