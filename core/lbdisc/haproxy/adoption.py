"""A HAProxy that serves when the agent starts: taken over as it is, if what it runs is certain.

It is, when the noted master and worker are the very processes that run now, one of the two texts at
hand (the one on disk, or the one that is wanted) is what was noted of it, and a look at all its
servers finds no difference. Else one reload makes it certain.
"""

import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lbdisc.errors import ApplyError
from lbdisc.haproxy.beside.beside import FileNames
from lbdisc.haproxy.beside.contents import Contents
from lbdisc.haproxy.errors import HaproxyError, Unreachable
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.process.surroundings import Surroundings
from lbdisc.haproxy.reaching import reach
from lbdisc.haproxy.remembered import Remembered
from lbdisc.haproxy.sockets.master import Master
from lbdisc.haproxy.verify import differences
from lbdisc.installing import held
from lbdisc.notes import UnusableNote
from lbdisc.rendered import Rendered

NO_NOTE = "a HAProxy serves, and no note says what it runs"
OTHER = "another worker serves than the one that was noted"
FILES_UNKNOWN = "no note says what the worker has read of the files beside the configuration"
OTHER_FILES = "the files on disk are not those that were noted of the worker"


class NotAdopted(ApplyError):
    """A HAProxy serves, and the text says why it has to read its files anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """The worker that serves, and the further files that belong to what it runs.

    ``names`` are the files beside them that it has ``read``.
    """

    live: Live
    files: tuple[tuple[str, str], ...]
    names: FileNames
    read: Contents


def adopt(master_socket: str, note: Path, config: Path, candidate: Rendered) -> Adopted | None:
    """The HAProxy that serves; ``None`` where none does. Changes nothing.

    Raises ``NotAdopted`` when it is not certain what it runs.
    """
    try:
        master = Master(master_socket)
        processes = master.processes()
    except Unreachable:
        return None
    except HaproxyError as error:
        raise NotAdopted(str(error)) from error
    if processes.current is None:
        return None
    try:
        noted = Remembered.read(note)
    except UnusableNote as error:
        raise NotAdopted(str(error)) from error
    if noted is None:
        raise NotAdopted(NO_NOTE)
    if not noted.is_of(processes):
        raise NotAdopted(OTHER)
    return _adopted(noted, config, _running(noted, config, candidate), master)


def _running(noted: Remembered, config: Path, candidate: Rendered) -> Rendered:
    """What the worker runs. ``candidate`` it may be where the file could not follow any more."""
    around = noted.around
    with suppress(OSError, ApplyError):
        before = held(config)
        if before is not None and around.digest(before) == noted.digest:
            return before
        if (
            before is not None
            and before.files == candidate.files
            and around.digest(candidate) == noted.digest
        ):
            return candidate
    raise NotAdopted(OTHER_FILES)


def _adopted(noted: Remembered, config: Path, running: Rendered, master: Master) -> Adopted:
    around = noted.around
    model = around.parse(running.text)
    names = FileNames.of(config, running, model, partial(Surroundings.of, noted.master.pid))
    if noted.contents is None and names.files:
        raise NotAdopted(FILES_UNKNOWN)
    try:
        seen = reach(noted.worker.pid, model, master, ours=False)
    except HaproxyError as error:
        raise NotAdopted(str(error)) from error
    if model.runtime_socket and not seen.socket:
        raise NotAdopted(f"nothing answers at HAProxy's socket {model.runtime_socket}")
    if seen.socket and (found := differences(model, seen.states, leaving=noted.leaving)):
        raise NotAdopted(f"server {found[0][0]} {found[0][1]}")
    live = Live(
        noted.worker.pid,
        running.text,
        model,
        seen.features,
        time.monotonic,
        socket=seen.socket,
        around=around,
    )
    aside = {row.key: row for row in seen.states if row.key not in model.servers}
    live.in_maintenance = {k: its for k, its in noted.in_maintenance.items() if k in aside}
    now = time.monotonic()
    live.leaving = {
        key: min(since, now)
        for key, since in noted.leaving.items()
        if key in live.in_maintenance and not aside[key].in_maintenance
    }
    if noted.unsettled:
        live.unsettled = min(noted.unsettled[0], now), min(noted.unsettled[1], now)
    return Adopted(live=live, files=running.files, names=names, read=noted.contents or {})
