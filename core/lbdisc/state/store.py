"""The agent's state folder: a lock, the last snapshot, and what ``lbdisc status`` shows."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from lbdisc import atomic, own_files
from lbdisc.errors import LbdiscError, SettingsError
from lbdisc.installing import heal
from lbdisc.notes import UnusableNote
from lbdisc.own_files import READABLE
from lbdisc.state.locks import holder_of, locked
from lbdisc.state.past import PaceNote, Past
from lbdisc.state.private import not_for, tighten
from lbdisc.state.snapshots import SnapshotFile
from lbdisc.state.steered import SteeredFile, SteeringState
from lbdisc.trust import refuse_untrusted
from lbdisc.values import Change, Snapshot

T = TypeVar("T")


class Store:
    """Files in ``folder``, each replaced in one step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.snapshot_file = folder / "snapshot.jsonl"
        self._snapshots = SnapshotFile(self.snapshot_file)
        self.pace = PaceNote(folder / "pace.json")
        self.unusable: dict[Path, str] = {}  # files that were passed over, and why
        self.status_file = folder / "status.json"
        self.guard_file = folder / "guard.json"
        self.steered_file = SteeredFile(folder)
        self.heartbeat_file = folder / "heartbeat"
        self.lock = folder / "agent.lock"

    def prepare(self) -> None:
        """Make the folder. Raises ``SettingsError`` where that is not possible."""
        try:
            own_files.make_folder(self.folder)
            writable = os.access(self.folder, os.W_OK | os.X_OK)
        except OSError as error:
            raise SettingsError(f"state_dir {self.folder}: {error.strerror}") from error
        if not writable:
            raise SettingsError(f"state_dir {self.folder}: not writable; set another state_dir")

    def secure(self, trusted: Sequence[str] = ()) -> None:
        """See that nobody but this user, and root, can write here; for the agent itself.

        Raises ``SettingsError`` where others can, and this user cannot keep them out.
        """
        tighten(self.folder)
        refuse_untrusted(self.folder, "state_dir", trusted=trusted)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one agent. Raises ``LbdiscError`` when another has it."""
        with ExitStack() as stack:
            what = f"state_dir {self.folder}"
            try:
                stack.enter_context(locked(self.lock, what=what, setting="state_dir"))
            except PermissionError as error:
                raise LbdiscError(not_for(self.folder)) from error
            except OSError as error:
                raise SettingsError(
                    f"{what}: no lock can be held on {self.lock.name}: {error.strerror or error}; "
                    "set a state_dir on a local disk"
                ) from error
            for file in (self.snapshot_file, self.status_file, self.guard_file, self.pace.path):
                atomic.clean_up(file)
            self.steered_file.clean_up()
            yield

    @property
    def holder(self) -> int | None:
        """The process that holds the folder, as it called itself; ``None`` while none does.

        0 where it did not say. Raises ``LbdiscError`` where this user may not know.
        """
        return holder_of(self.lock)

    @property
    def agent_runs(self) -> bool:
        """Whether an agent holds the folder. Raises ``LbdiscError`` as ``holder``."""
        return self.holder is not None

    def save_snapshot(self, snapshot: Snapshot, change: Change | None = None) -> None:
        """Keep ``snapshot`` for a start without the registry. Raises ``OSError``.

        ``change`` is the way from what was kept last, where that is known.
        """
        self._snapshots.save(snapshot, change)

    def last_snapshot(self) -> Snapshot | None:
        """What was kept; ``None`` when nothing, or nothing usable, was."""
        return self._usable(self._snapshots.path, self._snapshots.read)

    def steered(self) -> SteeringState:
        """What operators ordered; nothing where nothing, or nothing usable, was kept."""
        return self._usable(self.steered_file.path, self.steered_file.read) or SteeringState()

    def past(self) -> Past:
        """What the agent before left of its pace, if that is usable."""
        return self._usable(self.pace.path, self.pace.read) or Past()

    def _usable(self, file: Path, read: Callable[[], T | None]) -> T | None:
        try:
            return read()
        except UnusableNote as error:
            self.unusable[file] = str(error)
            return None

    @property
    def earlier_number(self) -> int:
        """The number of the last generation, 0 where it is not known."""
        found = self._usable(self.status_file, self._earlier) or {}
        # One that ended before its first generation has only said which it wanted.
        generation = found.get("generation") or found.get("desired")
        number = generation.get("number") if isinstance(generation, dict) else 0
        return number if isinstance(number, int) else 0

    def _earlier(self) -> dict[str, Any] | None:
        try:
            return self.status()
        except LbdiscError as error:
            raise UnusableNote(str(error)) from error

    def save_status(self, status: Mapping[str, Any]) -> None:
        """Replace what ``lbdisc status`` shows. Raises ``OSError``."""
        atomic.write(self.status_file, json.dumps(status, indent=1), mode=READABLE)

    def save_guard(self, memory: Mapping[str, Any]) -> None:
        """Replace what the guard holds. Raises ``OSError``."""
        atomic.write(self.guard_file, json.dumps(memory, indent=1), mode=READABLE)

    def status(self) -> dict[str, Any] | None:
        """What the agent last said of itself; ``None`` when it never did."""
        try:
            found = json.loads(own_files.read(self.status_file))
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise LbdiscError(not_for(self.folder)) from error
        except (OSError, ValueError) as error:
            raise LbdiscError(f"cannot read {self.status_file}: {error}") from error
        return found if isinstance(found, dict) else None


@contextmanager
def claimed(output: Path, trusted: Sequence[str] = ()) -> Iterator[None]:
    """Be the only one that writes ``output``.

    Raises ``LbdiscError`` when another lbdisc does, and where others can replace what it writes.
    """
    refuse_untrusted(output.parent, "output's folder", trusted=trusted)
    with ExitStack() as stack:
        with suppress(OSError):  # where nobody may write, nobody is in the way
            own_files.make_folder(output.parent, 0o755)
            lock = output.with_name(f".{output.name}.lock")
            stack.enter_context(locked(lock, what=f"output {output}", setting="output"))
        atomic.clean_up(output)
        heal(output)
        yield
