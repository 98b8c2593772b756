"""The server-state files around a reload: written just before, emptied just after.

What they hold must never meet a later configuration (see ``kept_state``).
"""

from contextlib import suppress
from pathlib import Path

import structlog

from lbdisc import atomic
from lbdisc.haproxy.errors import HaproxyError
from lbdisc.haproxy.kept_state import kept_state
from lbdisc.haproxy.language.text import Configuration
from lbdisc.haproxy.sockets.rows import STATE_FORMAT
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.haproxy.state_files import state_files

log = structlog.get_logger("lbdisc.haproxy")


def keep_health(running: Configuration, wanted: Configuration) -> None:
    """Save what the worker found out of its servers for the next one, which else begins anew."""
    files = state_files(wanted)
    if not (files and running.runtime_socket):
        return
    try:
        with Runtime(running.runtime_socket) as runtime:
            dump = runtime.raw_servers()
        for path, proxies in files.items():
            atomic.write(path, kept_state(dump, running, wanted, proxies))
    except (HaproxyError, OSError) as error:
        log.warning("health is not kept across this reload", error=str(error))


def reset_health(wanted: Configuration, *, keep: bool = False) -> None:
    """Empty the files, or with ``keep`` only make those that are missing."""
    for path in _all_files(wanted):
        with suppress(OSError):
            if not (keep and path.exists()):
                atomic.write(path, f"{STATE_FORMAT}\n")


def _all_files(wanted: Configuration) -> set[Path]:
    """Those that are loaded, and the global one that is named in any case."""
    named = {Path(wanted.state_file)} if wanted.state_file else set()
    return named | set(state_files(wanted))
