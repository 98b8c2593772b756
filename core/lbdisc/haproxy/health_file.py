"""The server-state file around a reload: written just before, emptied just after.

What it holds must never meet a later configuration, as HAProxy restores ports and weights from it.
"""

from contextlib import suppress
from pathlib import Path

import structlog

from lbdisc import files
from lbdisc.haproxy.errors import HaproxyError
from lbdisc.haproxy.rows import STATE_FORMAT
from lbdisc.haproxy.socket import Runtime
from lbdisc.haproxy.state import kept_state
from lbdisc.haproxy.text import Configuration

log = structlog.get_logger("lbdisc.haproxy")


def keep_health(running: Configuration, wanted: Configuration) -> None:
    """Save what the servers' checks know for the next worker; without it, that begins anew."""
    if not (wanted.state_file and wanted.loads_state and running.runtime_socket):
        return
    try:
        with Runtime(running.runtime_socket) as runtime:
            state = kept_state(runtime.raw_servers(), running, wanted)
        files.write(Path(wanted.state_file), state)
    except (HaproxyError, OSError) as error:
        log.warning("health is not kept across this reload", error=str(error))


def reset_health(wanted: Configuration, *, keep: bool = False) -> None:
    """Empty the file, or with ``keep`` only make it where it is missing."""
    path = Path(wanted.state_file) if wanted.state_file else None
    if path is None or (keep and path.exists()):
        return
    with suppress(OSError):
        files.write(path, f"{STATE_FORMAT}\n")
