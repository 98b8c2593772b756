"""The folders that an agent writes: whose they are, what is left in them, and what is left over."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lbdisc.errors import ApplyError, LbdiscError
from lbdisc.examining import Diagnosis, fail, ok, warn
from lbdisc.installing import Manifest
from lbdisc.orders import SOCKET
from lbdisc.settings.tables import CoreSettings
from lbdisc.state import heartbeat
from lbdisc.state.locks import holder_of
from lbdisc.state.store import Store
from lbdisc.state.times import ago
from lbdisc.trust import flaw_of, user_name

FEW_BYTES, FEW_INODES = 64 * 1024 * 1024, 1000
NO_BYTES = 64 * 1024  # about what the status and a small snapshot take
FEW = 0.02  # of what there is
LATE = 15.0  # seconds between two heartbeats


def state_folder(core: CoreSettings) -> Iterator[Diagnosis]:
    """``state_dir``: rights, room, locks, and the agent's sign of life."""
    folder = core.state_dir
    if not folder.is_dir():
        yield warn(f"there is no {folder} yet", "start `lbdisc run`, which makes it")
        return
    yield from _rights(folder, "state_dir", core.trusted)
    yield from _room(folder)
    yield from _heartbeat(Store(folder))
    yield from _orders(Store(folder))


def output_folder(core: CoreSettings) -> Iterator[Diagnosis]:
    """The folder of ``output``, and whether files in it are still on trial."""
    folder = core.output.parent
    if not folder.is_dir():
        yield warn(f"there is no {folder} yet", "start `lbdisc run`, which makes it")
        return
    if folder != core.state_dir:
        yield from _rights(folder, "output's folder", core.trusted)
        yield from _room(folder)
    if core.output.exists():
        found = core.output.stat()
        yield ok(f"{core.output}: {found.st_size} bytes, of {user_name(found.st_uid)}")
    yield from _journal(core.output)
    yield from _locks(core)


def _rights(folder: Path, what: str, trusted: tuple[str, ...]) -> Iterator[Diagnosis]:
    found = folder.stat()
    whose = f"{folder} (owner {user_name(found.st_uid)}, mode {found.st_mode & 0o7777:o})"
    if flaw := flaw_of(folder.absolute(), trusted=trusted):
        where, why, remedy = flaw
        yield fail(f"{what}: {where} {why}", f"{remedy}, or name it in the setting trusted")
    elif os.access(folder, os.W_OK | os.X_OK):
        yield ok(f"{what}: {whose} is ours to write")
    else:
        own = user_name(os.geteuid())
        yield warn(
            f"{what}: user {own} may not write {whose}; the agent has to",
            f"run this as {user_name(found.st_uid)}, or chown {own} {folder}",
        )


def _room(folder: Path) -> Iterator[Diagnosis]:
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    said = f"{free / 1e6:.0f} MB free on the file system of {folder}"
    if found.f_flag & os.ST_RDONLY:
        yield fail(f"{folder} is on a read-only file system", "mount it writable")
    elif free < NO_BYTES:
        yield fail(f"no space is left on the file system of {folder}", "make room")
    elif free < FEW_BYTES or found.f_bavail < FEW * found.f_blocks:
        yield warn(said, "make room: an agent that cannot write its state goes blind at a restart")
    else:
        yield ok(said)
    # Some file systems have no number of inodes that could run out.
    if found.f_files and not found.f_favail:
        yield fail(f"no inode is left on the file system of {folder}", "remove files")
    elif found.f_files and found.f_favail < FEW_INODES:
        yield warn(f"{found.f_favail} inodes left on that of {folder}", "remove files")


def _heartbeat(store: Store) -> Iterator[Diagnosis]:
    beat = heartbeat.read(store.heartbeat_file)
    if beat is None or not store.agent_runs:
        return
    age = time.monotonic() - beat.monotonic_s
    if age > LATE:
        yield fail(
            f"the last heartbeat is {ago(age)} old (process {beat.pid})",
            "see `lbdisc status`; restart lbdisc if it hangs",
        )
    else:
        yield ok(f"heartbeat {max(age, 0.0):.0f} s ago, process {beat.pid}")


def _orders(store: Store) -> Iterator[Diagnosis]:
    """Whether the agent that runs can be steered; nothing is asked of it."""
    if not store.agent_runs:
        return
    place = store.folder / SOCKET
    if not place.is_socket():
        remedy = "see the agent's log for agent.control_group; restart lbdisc"
        yield warn(f"the agent has no socket {place}: `lbdisc pause` and others do nothing", remedy)
    elif os.access(place, os.W_OK):
        yield ok(f"the agent takes orders at {place}")
    else:
        own = user_name(os.geteuid())
        yield ok(f"the agent takes orders at {place}, not of user {own} (agent.control_group)")


def _journal(output: Path) -> Iterator[Diagnosis]:
    try:
        manifest = Manifest.read(output)
    except ApplyError as error:
        yield warn(str(error), "restart lbdisc, which sets it aside, or be its user")
        return
    if manifest.undo is not None and not _held(output):
        yield warn(
            f"files of {output} are on trial since an agent was killed",
            "start `lbdisc run`, which brings the last good ones back",
        )


def _lock_of(output: Path) -> Path:
    return output.with_name(f".{output.name}.lock")


def _held(output: Path) -> bool:
    with suppress(LbdiscError):
        return holder_of(_lock_of(output)) is not None
    return True


def _locks(core: CoreSettings) -> Iterator[Diagnosis]:
    """The kernel lets go of the locks of who is gone, so a held one is somebody's."""
    agent, writer = Store(core.state_dir).holder, holder_of(_lock_of(core.output))
    if writer and agent and writer != agent:
        yield fail(
            f"process {writer} writes {core.output}, and process {agent} holds {core.state_dir}",
            "stop one of both: `lbdisc stop`, or give it an output of its own",
        )
    elif writer is not None and agent is None:
        yield fail(
            f"another lbdisc (process {writer or 'unknown'}) writes {core.output}, with another"
            " state_dir",
            "stop it, or set output to another file",
        )
    elif agent is not None:
        yield ok(f"held by process {agent or 'unknown'} alone")
