"""Whose a Unix socket is: who listens there, and who may write to it."""

import socket
import stat
import struct
from contextlib import suppress
from pathlib import Path

from lbdisc.errors import LbdiscError, shown
from lbdisc.haproxy.sockets.dialling import dial

_PEER = struct.Struct("3i")  # pid, uid, gid (unix(7), SO_PEERCRED)


def listener(address: str, timeout: float) -> str:
    """Who made the socket, as the kernel has noted it; empty where that cannot be told."""
    with suppress(OSError, LbdiscError), dial(address, timeout) as connection:
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        pid, uid, _ = _PEER.unpack(raw)
        if pid > 0:
            name = Path(f"/proc/{pid}/comm").read_text().strip()
            return f"process {pid} ({shown(name)}, uid {uid}) listens"
    return ""


def open_to_all(path: str) -> str:
    """Its mode, where every user of this machine may write to the socket at ``path``, else ``""``.

    Also empty where that cannot be told.
    """
    with suppress(OSError):
        found = Path(path).stat() if path else None
        if found is not None and found.st_mode & stat.S_IWOTH and _reachable(Path(path)):
            return f"{stat.S_IMODE(found.st_mode):o}"
    return ""


def _reachable(path: Path) -> bool:
    """Whether the folders on the way let everybody through."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.absolute().parents)
