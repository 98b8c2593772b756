"""A runtime socket whose file was removed while HAProxy runs.

HAProxy still listens, but nobody finds it, and a reload does not help: the new worker is handed the
listening socket as it is and makes no file. Only a path that is written differently, be it for the
same place, is bound anew.
"""

from collections.abc import Callable
from pathlib import Path

from lbdisc import atomic
from lbdisc.haproxy.binds import unix_path
from lbdisc.haproxy.language.text import Configuration
from lbdisc.haproxy.sockets.closed import is_there


def lost_socket(address: str) -> str:
    """The path of the runtime socket at ``address`` if its file is gone, else ``""``."""
    path = unix_path(address)
    return path if path and not is_there(path) else ""


def bind_anew(config: Path, text: str, model: Configuration, reload: Callable[[], object]) -> None:
    """Have the lost socket's file made again by one more ``reload``, which must wait for it.

    ``config`` meanwhile differs from ``text`` in the spelling of that path alone.
    """
    atomic.write(config, spelled_anew(text, model))
    try:
        reload()
    finally:
        atomic.write(config, text)


def spelled_anew(text: str, model: Configuration) -> str:
    """``text`` with another name for the same runtime socket: one more slash."""
    path = unix_path(model.runtime_socket)
    folder, slash, name = path.rpartition("/")
    lines = text.split("\n")
    for bind in model.binds:
        if unix_path(bind.address) == path:
            line = lines[bind.number - 1]
            lines[bind.number - 1] = line.replace(path, f"{folder}{slash}{slash}{name}", 1)
    return "\n".join(lines)
