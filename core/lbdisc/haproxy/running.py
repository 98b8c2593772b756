"""What runs, as far as it is known for certain, and the note of it for the next start."""

import time
from collections.abc import Callable
from pathlib import Path

from lbdisc.haproxy.adoption import adopt
from lbdisc.haproxy.around import Around
from lbdisc.haproxy.beside.beside import Beside
from lbdisc.haproxy.language.text import Configuration
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.reaching import reach
from lbdisc.haproxy.remembered import WorkerNote
from lbdisc.haproxy.settings import HaproxySettings
from lbdisc.haproxy.sockets.master import Master
from lbdisc.rendered import Rendered
from lbdisc.spread import own_share


class Running:
    """``live`` is the worker that serves, ``None`` while that is not known.

    ``files`` belong to what it runs, ``beside`` are those that it reads besides. ``master`` tells
    the process above it.
    """

    def __init__(self, settings: HaproxySettings, note: WorkerNote, beside: Beside) -> None:
        self.beside = beside
        self.live: Live | None = None
        self.files: tuple[tuple[str, str], ...] = ()
        self._master_socket = settings.master_socket
        self._ours = settings.mode == "managed"
        self._share = own_share(settings.master_socket)
        self._note = note

    def adopt(self, config: Path, candidate: Rendered) -> bool:
        """Learn what serves from the note of an earlier agent; whether anything serves.

        Raises ``NotAdopted`` where it is not certain.
        """
        found = adopt(self._master_socket, self._note.path, config, candidate)
        if found is not None:
            self.live, self.files = found.live, found.files
            self.beside.adopt(found.names, found.read)
        return found is not None

    def became(
        self,
        worker: int,
        rendered: Rendered,
        wanted: Configuration,
        *,
        master: Callable[[], int],
        around: Around | None = None,
    ) -> Live:
        """The new worker answers: from now on ``wanted`` runs. Raises ``Forbidden``."""
        found = reach(worker, wanted, Master(self._master_socket), ours=self._ours)
        self.forget()
        self.live = Live(
            worker,
            rendered.text,
            wanted,
            found.features,
            time.monotonic,
            share=self._share,
            socket=found.socket,
            around=around,
        )
        self.files = rendered.files
        self.beside.was_read()
        self.keep(master)
        return self.live

    def keep(self, master: Callable[[], int]) -> None:
        """Note what runs now."""
        if self.live is not None:
            self._note.keep(self.live, self.files, self.beside.read, master)

    def close(self) -> None:
        """Let go of the worker; the note stays."""
        if self.live is not None:
            self.live.close()
        self.live = None

    def forget(self) -> None:
        """What runs is not known any more."""
        self.close()
        self._note.forget()
