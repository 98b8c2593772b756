"""The server-state file around a reload: written just before, emptied just after.

HAProxy restores more than health from it: the port, the weight and the administrative state as
they were, over what the file says now. So only lines that cannot bring back anything old are kept,
and what it holds must never meet a later configuration.
"""

from contextlib import suppress
from pathlib import Path

import structlog

from lbdisc import atomic
from lbdisc.haproxy.errors import HaproxyError
from lbdisc.haproxy.language.text import Configuration, ServerLine
from lbdisc.haproxy.planning.servers import Unfit, canonical_ip, endpoint, fold
from lbdisc.haproxy.sockets.rows import (
    FORCED_DRAIN,
    FORCED_MAINT,
    STATE_FIELDS,
    STATE_FORMAT,
    ServerState,
    read_states,
)
from lbdisc.haproxy.sockets.socket import Runtime

log = structlog.get_logger("lbdisc.haproxy")
# What follows: srv_check_port, srv_check_addr, srv_agent_addr, srv_agent_port.
_CHECKED_AT, _AS_THE_FILE_SAYS = (
    slice(len(STATE_FIELDS), len(STATE_FIELDS) + 4),
    ("0", "-", "-", "0"),
)
_WEIGHT, _INITIAL = STATE_FIELDS.index("srv_uweight"), STATE_FIELDS.index("srv_iweight")


def keep_health(running: Configuration, wanted: Configuration) -> None:
    """Save what the servers' checks know for the next worker; without it, that begins anew."""
    if not (wanted.state_file and wanted.loads_state and running.runtime_socket):
        return
    try:
        with Runtime(running.runtime_socket) as runtime:
            state = kept_state(runtime.raw_servers(), running, wanted)
        atomic.write(Path(wanted.state_file), state)
    except (HaproxyError, OSError) as error:
        log.warning("health is not kept across this reload", error=str(error))


def reset_health(wanted: Configuration, *, keep: bool = False) -> None:
    """Empty the file, or with ``keep`` only make it where it is missing."""
    path = Path(wanted.state_file) if wanted.state_file else None
    with suppress(OSError):
        if path is not None and not (keep and path.exists()):
            atomic.write(path, f"{STATE_FORMAT}\n")


def kept_state(dump: str, running: Configuration, candidate: Configuration) -> str:
    """The part of ``show servers state`` that a worker started on ``candidate`` may load.

    Left out are servers that ``candidate`` does not have or has elsewhere, that ``running`` did not
    have (an earlier server of the name waits in maintenance), and those set aside by hand. The
    weight and the addresses of checks become the file's. Raises ``HaproxyError`` when ``dump`` is
    not of the known format.
    """
    header = "\n".join(dump.split("\n", 2)[:2])
    lines = [
        _with_the_files(row, weight)
        for row in read_states(dump)
        if (weight := _kept_weight(row, running, candidate)) is not None
    ]
    return "\n".join((header or STATE_FORMAT, *lines, ""))


def _kept_weight(row: ServerState, running: Configuration, candidate: Configuration) -> int | None:
    """The weight to restore with ``row``, ``None`` to leave it out."""
    before, after = running.servers.get(row.key), candidate.servers.get(row.key)
    if before is None or after is None or row.admin & (FORCED_MAINT | FORCED_DRAIN):
        return None
    if endpoint(before.address) != endpoint(after.address) or not _is_at(row, after):
        return None
    try:
        new = fold(after)
        old = new if before == after else fold(before)
    except Unfit:
        return row.weight if before == after else None
    return new.weight if old.disabled == new.disabled and not new.disabled else None


def _is_at(row: ServerState, server: ServerLine) -> bool:
    """Whether the worker has the server where the file has it; a host name may be anywhere."""
    host, port = endpoint(server.address)
    return row.port == port and (not canonical_ip(host) or canonical_ip(row.address) == host)


def _with_the_files(row: ServerState, weight: int) -> str:
    """The line with what the file says. Where checks go to, HAProxy would take from the line.

    It writes ``check port`` as the port of an agent too, and warns when it reads that of a server
    without one.
    """
    words = row.raw.split(" ")
    words[_WEIGHT] = words[_INITIAL] = str(weight)
    words[_CHECKED_AT] = _AS_THE_FILE_SAYS[: len(words[_CHECKED_AT])]
    return " ".join(words)
