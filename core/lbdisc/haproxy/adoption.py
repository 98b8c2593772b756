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
from lbdisc.haproxy.beside.beside import Names
from lbdisc.haproxy.beside.contents import Contents
from lbdisc.haproxy.errors import HaproxyError, Unreachable
from lbdisc.haproxy.language.text import Configuration, parse
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.process.surroundings import Surroundings
from lbdisc.haproxy.remembered import Remembered
from lbdisc.haproxy.sockets.master import Master
from lbdisc.haproxy.sockets.rows import ServerState
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.haproxy.verify import differences
from lbdisc.haproxy.versions import OLDEST, Features
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
    names: Names
    read: Contents


def adopt(master_socket: str, note: Path, config: Path, candidate: Rendered) -> Adopted | None:
    """The HAProxy that serves; ``None`` where none does. Changes nothing.

    Raises ``NotAdopted`` when it is not certain what it runs.
    """
    try:
        processes = Master(master_socket).processes()
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
    return _adopted(noted, config, _running(noted, config, candidate))


def _running(noted: Remembered, config: Path, candidate: Rendered) -> Rendered:
    """What the worker runs. ``candidate`` it may be where the file could not follow any more."""
    with suppress(OSError, ApplyError):
        before = held(config)
        if before is not None and before.digest == noted.digest:
            return before
        if (
            before is not None
            and before.files == candidate.files
            and candidate.digest == noted.digest
        ):
            return candidate
    raise NotAdopted(OTHER_FILES)


def _adopted(noted: Remembered, config: Path, running: Rendered) -> Adopted:
    model = parse(running.text)
    names = Names.of(config, running, model, partial(Surroundings.of, noted.master.pid))
    if noted.contents is None and names.files:
        raise NotAdopted(FILES_UNKNOWN)
    states, features = _seen(noted.worker.pid, model)
    if model.runtime_socket and (found := differences(model, states)):
        raise NotAdopted(f"server {found[0][0]} {found[0][1]}")
    live = Live(noted.worker.pid, running.text, model, features, time.monotonic)
    waiting = {row.key for row in states if row.in_maintenance} - model.servers.keys()
    live.in_maintenance = {k: its for k, its in noted.in_maintenance.items() if k in waiting}
    if noted.unsettled:
        now = time.monotonic()
        live.unsettled = min(noted.unsettled[0], now), min(noted.unsettled[1], now)
    return Adopted(live=live, files=running.files, names=names, read=noted.contents or {})


def _seen(pid: int, model: Configuration) -> tuple[tuple[ServerState, ...], Features]:
    """The worker's servers, and what it can do; without a socket for it, none can change either."""
    if not model.runtime_socket:
        return (), OLDEST
    try:
        with Runtime(model.runtime_socket) as runtime:
            _, states = runtime.observe(pid=pid)
            return states, runtime.features()
    except HaproxyError as error:
        raise NotAdopted(str(error)) from error
