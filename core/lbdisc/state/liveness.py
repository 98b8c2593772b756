"""Whether an agent lives and may be believed: by its heartbeat, its process and its lock.

A status file says for ever what was written into it last. Nothing in it counts while the process is
gone, stopped or stuck, is of another boot or another machine, or cannot write.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lbdisc.state import heartbeat, process
from lbdisc.state.heartbeat import Heartbeat
from lbdisc.state.process import ProcessState
from lbdisc.state.store import Store
from lbdisc.times import ago, stamp

STALE = 15.0  # seconds without a heartbeat: three were missed
STUCK = 30.0  # seconds without a turn of the loop, which waits for HAProxy now and then


@dataclass(frozen=True, slots=True)
class Liveness:
    """``trouble`` is why the agent is not to be believed, ``""`` if it is.

    ``word`` sums it up: running, starting, stopped, stuck, not running, unknown.
    """

    word: str
    trouble: str = ""

    @property
    def line(self) -> str:
        """Both, where the trouble does not begin with the word itself."""
        says_so = self.word == "running" or self.trouble.startswith(self.word)
        return self.trouble if says_so else f"{self.word}: {self.trouble}"


def liveness(store: Store, status: dict[str, Any]) -> Liveness:
    """Of the agent that uses ``store`` and said ``status``. Raises ``LbdiscError``."""
    beat = heartbeat.read(store.heartbeat_file)
    if beat is None:
        return _without_heartbeat(store, status)
    if beat.boot != process.boot():
        if (holder := store.holder) is not None:
            return _silent(store, holder, "no heartbeat since this machine was booted")
        return Liveness(
            "not running",
            f"its state is of an earlier boot or of another machine (last heard of {_last(beat)})",
        )
    if beat.namespace != process.namespace():
        return _from_outside(store, beat)
    return _of_process(store, status, beat)


def _without_heartbeat(store: Store, status: dict[str, Any]) -> Liveness:
    if (holder := store.holder) is not None:
        return _silent(store, holder, "no heartbeat")
    return Liveness("not running", _end(status, "it has never said that it runs"))


def _silent(store: Store, holder: int, what: str) -> Liveness:
    """An agent has the folder, and no word is heard of it."""
    who = f"process {holder}" if holder else "a process"
    if why := _unwritable(store.folder):
        return Liveness("stuck", f"{who} holds {store.folder}, {what}: {why}")
    return Liveness("starting", f"{who} holds {store.folder}, {what} yet")


def _of_process(store: Store, status: dict[str, Any], beat: Heartbeat) -> Liveness:
    found, age = process.state_of(beat.pid), _age(beat)
    if found is None or found.letter in process.ENDED or not _is_same(found, beat):
        if (holder := store.holder) not in (None, beat.pid):
            return _silent(store, holder or 0, "no heartbeat")
        said = f"process {beat.pid} has ended, and did not say why: killed or crashed"
        said = _end(status, f"{said} (last heard of {_last(beat)})")
        return Liveness("not running", said)
    if found.letter in process.STOPPED:
        for_ = f"stopped for {ago(age)}" if age > heartbeat.EVERY else "stopped"
        return Liveness(
            "stopped",
            f"{for_}: process {beat.pid} is in state {found.letter} (kill -CONT {beat.pid})",
        )
    if age > STALE:
        return Liveness("stuck", _stale(store, beat, age, found))
    return _of_loop(beat, f"process {beat.pid} in state {found.letter}")


def _from_outside(store: Store, beat: Heartbeat) -> Liveness:
    """Its process has another number here, or none: a container, or one beside it."""
    age = _age(beat)
    if store.holder is None:
        return Liveness("not running", f"nobody holds {store.folder} (last heard of {_last(beat)})")
    if age > STALE:
        return Liveness("stuck", _stale(store, beat, age, None))
    return _of_loop(beat, f"process {beat.pid} of another container")


def _stale(store: Store, beat: Heartbeat, age: float, found: ProcessState | None) -> str:
    if why := _unwritable(store.folder):
        return f"cannot write its state for {ago(age)}: {why}"
    state = f" is in state {found.letter}" if found and found.letter else ""
    waits = ", it waits for a disk" if found and found.letter == "D" else ""
    return f"no heartbeat for {ago(age)}: process {beat.pid}{state}{waits}"


def _of_loop(beat: Heartbeat, who: str) -> Liveness:
    if (still := beat.monotonic_s - beat.turned_s) > STUCK:
        return Liveness("stuck", f"its loop has not turned for {ago(still)} ({who})")
    if lost := beat.unwritten:
        since, name = stamp(lost.since), Path(lost.file).name
        return Liveness("running", f"cannot write its state since {since}: {name}: {lost.error}")
    return Liveness("running")


def _is_same(found: ProcessState, beat: Heartbeat) -> bool:
    """Whether it is not another process that was given the same number."""
    return not found.letter or found.started == beat.started


def _age(beat: Heartbeat) -> float:
    return time.monotonic() - beat.monotonic_s


def _last(beat: Heartbeat) -> str:
    return stamp(beat.unix_s)


def _end(status: dict[str, Any], otherwise: str) -> str:
    """How it ended, if it said so."""
    if not (stopped := status.get("stopped")):
        return otherwise
    why = stopped.get("error") or stopped.get("why") or "no reason was given"
    return f"it has ended at {stopped.get('at')}: {why}"


def _unwritable(folder: Path) -> str:
    """Why nothing can be written there now, as far as anybody can see it."""
    try:
        found = os.statvfs(folder)
    except OSError as error:
        return f"{folder}: {error.strerror}"
    if found.f_flag & os.ST_RDONLY:
        return f"{folder} is on a read-only file system"
    if not found.f_bavail:
        return f"no space is left on the file system of {folder}"
    if found.f_files and not found.f_favail:
        return f"no inode is left on the file system of {folder}"
    return ""
