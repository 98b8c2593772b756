"""The file after a change at run time: it is checked and renamed into place in the background.

``haproxy -c`` takes 20 ms for ten servers and half a second for ten thousand. What HAProxy runs
must not wait for it, and neither must the next change.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Condition, Thread

import structlog

from lbdisc import atomic
from lbdisc.errors import ApplyError, LbdiscError
from lbdisc.haproxy.process.program import Abandoned, Over
from lbdisc.installing import NEW

log = structlog.get_logger("lbdisc.haproxy")
Check = Callable[[Path, Path, Over], None]


class Follower:
    """Brings files to the newest text that was asked for; older ones in between are left out.

    ``check`` is called with the staged file, its target, and what tells that it is of no use any
    more, in a thread, and raises ``LbdiscError``. What went wrong is in ``error``, until ``forget``
    or a newer text that is good.
    """

    def __init__(self, check: Check) -> None:
        self._check = check
        self._changed = Condition()
        self._next: tuple[Path, Path] | None = None
        self._works = False
        self._wanted = ""
        self._dropped = False
        self.error: LbdiscError | None = None

    def follow(self, config: Path, text: str) -> None:
        """Have ``config`` hold ``text`` soon. Raises ``OSError`` where that cannot be staged."""
        staged = atomic.stage(config, text, new=NEW)
        with self._changed:
            if self._next:
                atomic.discard(self._next[0])
            self._next = staged, config
            self._wanted = text
            if not self._works:
                self._works = True
                Thread(target=self._work, name="lbdisc-file", daemon=True).start()

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to do, ``timeout`` seconds at most; whether it is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._works, timeout)

    @contextmanager
    def yielding(self, config: Path) -> Iterator[None]:
        """Follow nothing: ``config`` is to be another's, whose check need not wait for ours.

        What was asked for and not done is taken up again where the file stays as it was.
        """
        before, dropped = atomic.held(config), self.drop()
        try:
            yield
        except BaseException:
            with suppress(OSError):
                if dropped is not None and atomic.held(config) == before:
                    self.follow(config, dropped)
            raise

    def drop(self) -> str | None:
        """Cut short what is under way; the text that no file holds now, if any."""
        with self._changed:
            if not self._works:
                return None
            if self._next:
                atomic.discard(self._next[0])
                self._next = None
            self._dropped = True
            self._changed.wait_for(lambda: not self._works)
            dropped, self._dropped = self._dropped, False
            return self._wanted if dropped else None

    def _is_dropped(self, _took: float) -> bool:
        return self._dropped

    def forget(self) -> LbdiscError | None:
        """What went wrong since the last time, if anything."""
        with self._changed:
            error, self.error = self.error, None
        return error

    @property
    def behind(self) -> bool:
        """Whether a text that was asked for is not in its file yet."""
        with self._changed:
            return self._works or self.error is not None

    def _work(self) -> None:
        while (todo := self._take()) is not None:
            error = self._bring(*todo)
            with self._changed:
                if self._dropped and isinstance(error, Abandoned):
                    continue
                self.error, self._dropped = error, False

    def _take(self) -> tuple[Path, Path] | None:
        with self._changed:
            todo, self._next = self._next, None
            if todo is None:
                self._works = False
                self._changed.notify_all()
            return todo

    def _bring(self, staged: Path, config: Path) -> LbdiscError | None:
        try:
            self._check(staged, config, self._is_dropped)
            atomic.install(staged, config)
        except LbdiscError as error:
            return error
        except OSError as error:
            return ApplyError(f"cannot write {config}: {error.strerror or error}")
        except Exception as error:  # the thread must not end before what waits for it
            log.exception("the file could not follow")
            return ApplyError(f"cannot check and write {config}: {error!r}")
        finally:
            atomic.discard(staged)
        return None
