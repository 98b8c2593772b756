"""Socket files that a dead HAProxy left behind."""

import socket
from pathlib import Path

from lbdisc.errors import ApplyError, SettingsError, shown
from lbdisc.haproxy.versions import MAX_UNIX_PATH


def clear_socket(path: str, what: str) -> None:
    """Remove the socket file at ``path`` if nobody serves it any more.

    Raises ``SettingsError`` when the path is too long, is something else, has no folder or belongs
    to somebody else, ``ApplyError`` when it is served (a worker may outlive its master for a
    moment).
    """
    where = f"{what} {shown(path)}"
    if len(path.encode()) > MAX_UNIX_PATH:
        raise SettingsError(f"{where} is too long: at most {MAX_UNIX_PATH} bytes")
    file = Path(path)
    try:
        if not file.parent.is_dir():
            raise SettingsError(f"{where}: no folder {file.parent}")
        if file.is_socket():
            if not _is_stale(path):
                raise ApplyError(f"{where}: another process serves there")
            file.unlink(missing_ok=True)
        elif file.exists():
            raise SettingsError(f"{where} is there, and no socket")
    except PermissionError as error:
        raise SettingsError(f"{where} belongs to somebody else: {error.strerror}") from error


def _is_stale(path: str) -> bool:
    """Whether the system itself refuses connections; a silent server is none that is gone."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return True
        except (TimeoutError, BlockingIOError):
            return False
    return False
