"""The kernel's notices of changes in folders: inotify(7), waited for without asking."""

import errno
import os
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from select import POLLIN, poll
from threading import Event
from types import TracebackType
from typing import Self

import structlog
from inotify_simple import INotify, flags

from lbdisc.stopping import when_set

log = structlog.get_logger("lbdisc.notices")
GATHER = 0.02  # seconds that a burst of changes may be gathered for
QUIET = 0.001  # seconds without news that end a burst
POLL = 0.5  # seconds between two looks at everything where the kernel tells of nothing
_WHOLE = flags.CLOSE_WRITE | flags.MOVED_FROM | flags.MOVED_TO | flags.DELETE | flags.ATTRIB
_BEGUN = flags.CREATE | flags.MODIFY  # what somebody still writes
_GONE = flags.DELETE_SELF | flags.MOVE_SELF
_LOST = flags.Q_OVERFLOW | flags.UNMOUNT
_LIMITS = (errno.ENOSPC, errno.EMFILE)


class Notices:
    """Notices of what happens in ``folders``, registered when this is made.

    Names that are ``passed_over`` count for nothing. Raises ``OSError`` where a folder cannot be
    watched, but not for the limits of inotify: all programs of a user share them, and slower is
    not blind.
    """

    def __init__(
        self,
        folders: Iterable[Path],
        stop: Event,
        passed_over: Callable[[str], bool] = lambda name: False,
    ) -> None:
        self._passed_over = passed_over
        self._stop = stop
        self._folders: dict[int, Path] = {}
        self._numbers: dict[Path, int] = {}
        self._kernel: INotify | None = None
        self._open = ExitStack()
        self._poll = poll()
        try:
            self._kernel = INotify(nonblocking=True)
            self._poll.register(self._kernel.fileno(), POLLIN)
            self._poll.register(self._woken(), POLLIN)
        except OSError as error:
            self._refused(error)
        try:
            for folder in folders:
                self.watch(folder)
        except OSError:
            self.close()
            raise

    def watch(self, folder: Path) -> None:
        """Tell of ``folder`` as well, as it is there now. Raises ``OSError`` likewise."""
        if self._kernel is None:
            return
        self.leave(folder)
        try:
            number = self._kernel.add_watch(folder, _WHOLE | _BEGUN | _GONE | flags.ONLYDIR)
        except OSError as error:
            self._refused(error)
        else:
            self._folders[number] = folder
            self._numbers[folder] = number

    def leave(self, folder: Path) -> None:
        """Tell of ``folder`` no more."""
        number = self._numbers.pop(folder, None)
        if number is None or self._kernel is None:
            return
        self._folders.pop(number, None)
        with suppress(OSError):  # the kernel has forgotten one that is gone
            self._kernel.rm_watch(number)

    def _refused(self, error: OSError) -> None:
        if error.errno not in _LIMITS:
            raise error
        self.close()
        why = error.strerror or str(error)
        log.warning("the kernel watches no more folders: polling", reason=why)

    def wait(self, timeout: float) -> set[Path] | None:
        """What changed, after ``timeout`` seconds at most; ``None`` if only a look can tell.

        Returns at once when told to stop. A folder itself stands for one that went or was
        replaced. One file that is whole is told at once; one that somebody still writes, or a
        burst of them, is gathered for a moment.
        """
        if self._kernel is None:
            self._stop.wait(max(0.0, min(timeout, POLL)))
            return None
        changed: set[Path] = set()
        begun: set[Path] = set()
        end = time.monotonic() + timeout
        while not self._stop.is_set() and (left := end - time.monotonic()) > 0:
            gathers = bool(changed and not begun)
            if not self._has_news(min(left, QUIET) if gathers else left):
                if gathers:
                    break
                continue
            first = not changed
            if self._read(changed, begun):
                return None
            if first and changed:
                if len(changed) == 1 and not begun:
                    break
                end = min(end, time.monotonic() + GATHER)
        return changed

    @property
    def told(self) -> bool:
        """Whether the kernel tells; where it does not, only looks can."""
        return self._kernel is not None

    def _woken(self) -> int:
        """A file descriptor that becomes readable when ``stop`` is set."""
        number = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._open.callback(os.close, number)
        self._open.enter_context(when_set(self._stop, partial(os.eventfd_write, number, 1)))
        return number

    def _has_news(self, timeout: float) -> bool:
        """Whether the kernel tells anything within ``timeout`` seconds, or it is time to stop."""
        return bool(self._poll.poll(max(0.0, timeout) * 1000))

    def _read(self, changed: set[Path], begun: set[Path]) -> bool:
        """Add what the kernel tells, and what of it is not whole; whether some was lost."""
        assert self._kernel is not None
        for number, mask, _, name in self._kernel.read(timeout=0):
            if mask & _LOST:
                return True
            if mask & flags.IGNORED or (name and self._passed_over(name)):
                continue
            folder = self._folders.get(number)
            if folder is None:
                continue
            path = folder / name
            changed.add(path)
            if mask & _BEGUN and not mask & flags.ISDIR:
                begun.add(path)
            else:
                begun.discard(path)
        return False

    def close(self) -> None:
        """Watch no longer."""
        if self._kernel is not None:
            self._kernel.close()
        self._kernel = None
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
