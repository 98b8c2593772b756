"""Whose an entry is, over crashes and restarts: a key in the state folder that one process holds.

A registry lists the entry of a process that was killed until its lease ends. The next process on
the same host that has the same folder is the same registrar, and need not wait for that.
"""

import fcntl
import os
import re
import secrets
import socket
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import structlog

from lbdisc.abilities import Reclaims
from lbdisc.errors import SettingsError
from lbdisc.hooks import Registrar
from lbdisc.own_files import make_folder, opened
from lbdisc.trust import refuse_untrusted

_KEY = re.compile(r"[0-9a-f]{32}")
_log = structlog.get_logger("lbdisc.register")


class Identity:
    """Who ``SERVICE/NAME`` is, for as long as this object lives.

    ``owner`` is the same after a restart, and never that of two processes at once: who finds the
    key in use, or cannot keep one in ``folder``, is somebody new. Nobody can tell the key from it.
    """

    def __init__(
        self, folder: Path, service: str, name: str, *, trusted: Sequence[str] = ()
    ) -> None:
        told = f"{service}/{name}"
        file = folder / "register" / f"{sha256(told.encode()).hexdigest()[:32]}.key"
        self._descriptor = -1
        try:
            make_folder(folder)
            refuse_untrusted(folder, "state_dir", trusted=trusted)
            key = self._held(file)
        except (OSError, SettingsError) as error:
            why = f"{file}: {error.strerror or error}" if isinstance(error, OSError) else error
            _log.info(
                "a restart after a crash will wait until the lease has ended",
                why=f"no identity is kept: {why}",
            )
            key = secrets.token_hex(16)
        self.owner = sha256(f"{key} {socket.gethostname()} {told}".encode()).hexdigest()[:16]

    def give(self, registrar: Registrar) -> None:
        """Let ``registrar`` take up what it left, where it can."""
        if isinstance(registrar, Reclaims):
            registrar.reclaim_as(self.owner)

    def close(self) -> None:
        """Another process may be this one from now on."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()

    def _held(self, file: Path) -> str:
        make_folder(file.parent, 0o700)
        # For reading: a file that is open for writing keeps its file system from being made
        # read-only.
        self._descriptor = opened(file, os.O_RDONLY | os.O_CREAT, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        key = os.pread(self._descriptor, 64, 0).decode(errors="replace")
        return key if _KEY.fullmatch(key) else _new_key(file)


def _new_key(file: Path) -> str:
    """Write it into ``file`` itself, which is locked."""
    key = secrets.token_hex(16)
    writing = opened(file, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(writing, key.encode())
        os.fsync(writing)
    finally:
        os.close(writing)
    return key
