"""A runtime socket whose file was removed while HAProxy runs.

HAProxy still listens, but nobody finds it, and a reload does not help: the new worker is handed the
listening socket as it is and makes no file. Only a path that is written differently, be it for the
same place, is bound anew.
"""

from collections.abc import Callable
from pathlib import Path

from lbdisc import files
from lbdisc.haproxy.binds import unix_path
from lbdisc.haproxy.target import Target
from lbdisc.haproxy.text import Configuration


def lost_socket(model: Configuration) -> str:
    """The path of the runtime socket if its file is gone, else ``""``."""
    path = unix_path(model.runtime_socket)
    return path if path and not Path(path).is_socket() else ""


def bind_anew(target: Target, reload: Callable[[], object]) -> None:
    """Have the lost socket's file made again by one more ``reload``, which must wait for it.

    The configuration in place is then one that differs in the spelling of that path alone.
    """
    files.write(target.config, spelled_anew(target.text, target.model))
    reload()


def spelled_anew(text: str, model: Configuration) -> str:
    """``text`` with another name for the same runtime socket: one more slash."""
    path = unix_path(model.runtime_socket)
    folder, slash, name = path.rpartition("/")
    lines = text.splitlines(keepends=True)
    for bind in model.binds:
        if unix_path(bind.address) == path:
            line = lines[bind.number - 1]
            lines[bind.number - 1] = line.replace(path, f"{folder}{slash}{slash}{name}", 1)
    return "".join(lines)
