"""Files that the load balancer reads and lbdisc does not write: noticed when they change."""

import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock, Thread

import structlog

from lbdisc import events
from lbdisc.abilities import ReadsFiles
from lbdisc.beside import FilesBeside
from lbdisc.hooks import Reloader
from lbdisc.listening.listeners import Tell
from lbdisc.notices import Notices
from lbdisc.stopping import StopEvent

log = structlog.get_logger("lbdisc.files")
RESCAN = 10.0  # seconds between two looks where the kernel tells of nothing, as on NFS
SHARE = 200  # looks that nothing asks for take at most this part of the time
APART = 0.2  # seconds between two looks, however much the kernel tells
BUSY = 20  # looks take at most this part of the time, however much it tells
WAIT = 1.0  # seconds between two looks for folders that are not there
FOR_EVER = 86400.0  # seconds


class FileLooks:
    """For the agent's loop: ``turn`` looks when it is time; ``wake`` is called from a thread."""

    def __init__(
        self,
        reloader: Reloader,
        tell: Tell,
        wake: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._reloader = reloader if isinstance(reloader, ReadsFiles) else None
        self._tell = tell
        self._clock = clock
        self._notices = FolderWatch(wake)
        self._rescan = self._not_before = float("-inf")
        self._again: float | None = None
        self._of = 0  # the generation that was looked at last
        self._known = FilesBeside()
        self._told: dict[Path, str] = {}
        self.mended = False  # whether the last look found all good, and the one before did not

    @property
    def due(self) -> float | None:
        """When ``turn`` has something to do by the clock."""
        if self._reloader is None or not self._of:
            return None
        at = min(t for t in (self._rescan, self._again) if t is not None)
        return max(self._not_before, at)

    def look_at_all(self) -> None:
        """Somebody asks for it: look at the next turn."""
        self._rescan = self._not_before = float("-inf")

    def turn(self, generation: int) -> tuple[Path, ...]:
        """Which files are to be brought into ``generation``, that runs, if there is news of them.

        A ``generation`` of 0 stands for none.
        """
        now, self.mended = self._clock(), False
        if self._reloader is None or not generation:
            return ()
        if self._of == generation and not self._is_due(now):
            return ()
        before, self._of = self._known.changed if self._of == generation else (), generation
        self._look(self._reloader, now)
        return self._known.changed if self._known.changed != before else ()

    def _is_due(self, now: float) -> bool:
        if now < self._not_before:
            return False
        return self._notices.taken() or self._rescan <= now or (self._again or now + 1) <= now

    def _look(self, reloader: ReadsFiles, now: float) -> None:
        began = time.thread_time()
        self._known = found = reloader.beside()
        self._notices.watch(found.folders)
        took = time.thread_time() - began
        self._not_before = now + max(APART, BUSY * took)
        self._again = None if found.again is None else now + found.again
        self._rescan = now + max(RESCAN, SHARE * took)
        self.mended = bool(self._told) and not found.refused
        self._tell_refused(dict(found.refused))

    def _tell_refused(self, refused: dict[Path, str]) -> None:
        by_error: dict[str, list[str]] = {}
        for path, error in refused.items():
            if self._told.get(path) != error:
                by_error.setdefault(error, []).append(str(path))
        for error, files in by_error.items():
            self._tell(events.FilesRefused(files=tuple(files), error=error))
        if mended := tuple(str(path) for path in self._told if path not in refused):
            self._tell(events.FilesMended(files=mended))
        self._told = refused

    def stop(self) -> None:
        """Watch no more."""
        self._notices.stop()


class FolderWatch:
    """A thread, once there are folders to watch: it calls ``wake`` when something changes there."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = Lock()
        self._folders: frozenset[Path] = frozenset()
        self._changed = False
        self._over = False
        self._renew = StopEvent()
        self._thread: Thread | None = None

    def watch(self, folders: frozenset[Path]) -> None:
        """From now on these."""
        if folders == self._folders:
            return
        self._folders = folders
        self._renew.set()
        if self._thread is None:
            self._thread = Thread(target=self._run, name="lbdisc-files", daemon=True)
            self._thread.start()

    def taken(self) -> bool:
        """Whether anything changed since the last time."""
        with self._lock:
            changed, self._changed = self._changed, False
        return changed

    def stop(self) -> None:
        self._over = True
        self._renew.set()

    def _run(self) -> None:
        while not self._over:
            self._renew.clear()
            wanted = self._folders
            there = frozenset(folder for folder in wanted if folder.is_dir())
            try:
                with Notices(there, self._renew) as notices:
                    self._say()  # what changed before the watches were set
                    self._follow(notices, there, WAIT if there != wanted else FOR_EVER)
            except OSError as error:  # a folder went just now
                log.debug("a folder cannot be watched", reason=str(error))
                self._renew.wait(WAIT)

    def _follow(self, notices: Notices, folders: frozenset[Path], limit: float) -> None:
        """Until other folders are to be watched, or ``limit`` seconds passed."""
        end = time.monotonic() + limit
        while not self._renew.is_set() and time.monotonic() < end:
            if not notices.told:
                self._renew.wait(limit)  # the rescan sees it
                return
            if changed := notices.wait(end - time.monotonic()):
                self._say()
                if changed & folders:
                    return
            elif changed is None:
                self._say()

    def _say(self) -> None:
        with self._lock:
            self._changed = True
        self._wake()
