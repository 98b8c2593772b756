"""What HAProxy could not load: not tried again before it changes, or minutes later that double.

A configuration that passes ``haproxy -c`` and fails when it is loaded stops all traffic while
HAProxy tries, for about two seconds. What failed is known by all its lines but the servers: who
comes and goes meanwhile does not make it any better.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import structlog

from lbdisc import notes
from lbdisc.boot import since_boot
from lbdisc.errors import NotLoaded
from lbdisc.haproxy.errors import Forbidden, HaproxyError, NotTold
from lbdisc.haproxy.language.model import Configuration
from lbdisc.notes import UnusableNote
from lbdisc.rendered import Rendered

log = structlog.get_logger("lbdisc.haproxy")
FIRST, MOST = 60.0, 3600.0  # seconds to the second try, and between the last ones
KEPT = 8  # different failures that are remembered
_KIND, _VERSION = "failed", 1
_PATH = re.compile(r"/[^\s,'\"]+")
# Files that are written while HAProxy runs, and say nothing of a failure.
_LIVING = ("server-state-file", "server-state-base", "server-state-file-name", "pidfile")


@dataclass(frozen=True, slots=True)
class LoadFailure:
    """``cause`` failed with ``words`` within ``cost`` seconds, for the ``times``-th time.

    It is tried again at ``until``, in seconds since the boot, which is ``delay`` after the last.
    """

    cause: str
    words: str
    cost: float
    times: int
    delay: float
    until: float

    @property
    def left(self) -> float:
        """Seconds until it may be tried again, 0 if it may."""
        return min(max(0.0, self.until - since_boot()), self.delay)

    def error(self) -> NotLoaded:
        text = (
            f"{self.words}. Try {self.times} took {self.cost:.1f} s, in which HAProxy may have"
            f" refused connections; the next one is at {_clock(self.left)}, or after SIGHUP or"
            " another change than of servers, which are kept in step meanwhile"
        )
        return NotLoaded(text, retry_s=max(self.left, 0.1))


class Failures:
    """Those of one HAProxy, noted at ``path`` for the next agent."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, LoadFailure] | None = None
        self._last: tuple[Configuration, Rendered, str] | None = None

    def refuse(self, model: Configuration, rendered: Rendered, *, costs: bool = True) -> None:
        """Raise ``NotLoaded`` where ``rendered`` failed and it is not yet time to try again.

        Unless it ``costs`` nothing, as nothing serves and nothing else could.
        """
        cause = cause_of(model, rendered)
        failure = self._read().get(cause)
        self._last = (model, rendered, cause) if failure else None
        if failure and costs and failure.left > 0:
            raise failure.error()

    def waits(self, model: Configuration, rendered: Rendered) -> bool:
        """Whether ``refuse`` would raise."""
        failure = self._read().get(cause_of(model, rendered))
        return failure is not None and failure.left > 0

    def attempt(self, model: Configuration, rendered: Rendered, load: Callable[[], int]) -> int:
        """Have HAProxy ``load`` it. Raises ``NotLoaded`` where it does not."""
        cause, began = cause_of(model, rendered), time.monotonic()
        try:
            worker = load()
        except (Forbidden, NotTold):
            raise
        except HaproxyError as error:
            failed = self._failed(cause, str(error), time.monotonic() - began)
            self._last = model, rendered, cause
            raise failed.error() from error
        self._forget(cause)
        return worker

    def failed(self, model: Configuration, rendered: Rendered, words: str, cost: float) -> None:
        """Note a failure that was seen elsewhere."""
        self._failed(cause_of(model, rendered), words, cost)

    def try_again(self) -> None:
        """Whatever failed may be tried at once."""
        self._read().clear()
        self._write()

    @property
    def changed(self) -> bool:
        """Whether a file that the last failure names has changed since."""
        if self._last is None:
            return False
        model, rendered, cause = self._last
        return cause_of(model, rendered) != cause

    def _failed(self, cause: str, words: str, cost: float) -> LoadFailure:
        before = self._read().pop(cause, None)
        delay = min(before.delay * 2, MOST) if before else FIRST
        times = before.times + 1 if before else 1
        found = LoadFailure(cause, words, cost, times, delay, since_boot() + delay)
        known = self._read()
        known[cause] = found
        while len(known) > KEPT:
            del known[next(iter(known))]
        self._write()
        return found

    def _forget(self, cause: str) -> None:
        self._last = None
        if self._read().pop(cause, None):
            self._write()

    def _read(self) -> dict[str, LoadFailure]:
        if self._known is None:
            self._known = {failure.cause: failure for failure in _noted(self._path)}
        return self._known

    def _write(self) -> None:
        try:
            if self._known:
                found = [asdict(failure) for failure in self._known.values()]
                notes.write(self._path, _KIND, _VERSION, {"failures": found})
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("the next start may repeat what failed", error=str(error))


def _noted(path: Path) -> Iterator[LoadFailure]:
    with suppress(UnusableNote, TypeError, KeyError):
        found = notes.read(path, _KIND, _VERSION)
        yield from (LoadFailure(**each) for each in (found["failures"] if found else ()))


def cause_of(model: Configuration, rendered: Rendered) -> str:
    """What stands for all of it but the servers, and for the files that it names."""
    found, ours = sha256(), tuple(f"/{name}" for name in rendered.names)
    for section in model.sections:
        for line in (section.header, *section.lines):
            text = "\0".join((*line.words, line.raw))
            found.update(f"{text}\n".encode(errors="surrogateescape"))
            if line.words[0] not in _LIVING:
                for path in _PATH.findall(text.replace("\0", " ")):
                    found.update(_stamp(path, ours).encode(errors="surrogateescape"))
    found.update(Rendered("", rendered.files).digest.encode())
    return found.hexdigest()


def _stamp(path: str, ours: tuple[str, ...]) -> str:
    """When the file was changed; folders and sockets change all the time, ``ours`` at each try."""
    if path.endswith(ours):
        return ""
    with suppress(OSError, ValueError):
        file = Path(path)
        if file.is_file():
            stat = file.stat()
            return f"{path} {stat.st_mtime_ns} {stat.st_size} {stat.st_ino}"
    return ""


def _clock(seconds: float) -> str:
    """The time of day then."""
    return time.strftime("%H:%M:%S", time.localtime(time.time() + seconds))
