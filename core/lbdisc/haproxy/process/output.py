"""What a child process writes: passed on to the log line by line, the last lines kept."""

import os
import re
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from threading import Thread

import structlog

from lbdisc.errors import ApplyError
from lbdisc.haproxy.process.pacing import LinePace

log = structlog.get_logger("lbdisc.haproxy")
SAYS = "HAProxy says"
KEPT_LINES = 200
_LINE = re.compile(r"\[(ALERT|WARNING|NOTICE|DIAG)\]\s+\((\d+)\) : (.*)")
_LEVELS = {"ALERT": "error", "WARNING": "warning", "NOTICE": "info", "DIAG": "info"}


class ProcessOutput:
    """The output of one child after another."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._thread: Thread | None = None
        self._pacing = LinePace()

    def start(
        self, command: Sequence[str], environment: Mapping[str, str]
    ) -> "subprocess.Popen[bytes]":
        """Start ``command`` in a session of its own. Raises ``ApplyError`` when that fails."""
        self._lines.clear()
        reading, writing = os.pipe()
        # HAProxy must never wait for us: when we are slow, or stopped, it loses lines instead.
        os.set_blocking(writing, False)
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            os.close(reading)
            raise ApplyError(f"{command[0]} cannot be started: {error}") from error
        finally:
            os.close(writing)
        self._thread = Thread(
            target=self._read, args=(reading, child), name="haproxy-output", daemon=True
        )
        self._thread.start()
        return child

    def clear(self) -> None:
        """Forget the lines so far."""
        self._lines.clear()

    def until(self, find: Callable[[str], str], *, limit: float) -> str:
        """What ``find`` finds in the lines, waited for ``limit`` seconds; ``""`` if nothing."""
        end = time.monotonic() + limit
        while not (found := find(self.text)) and self._reads() and time.monotonic() < end:
            time.sleep(0.01)
        return found

    def _reads(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def join(self, limit: float = 1.0) -> None:
        """Wait until all that an ended child wrote is read, for ``limit`` seconds at most."""
        if self._thread is not None:
            self._thread.join(limit)

    @property
    def text(self) -> str:
        return "\n".join(self._lines.copy())

    @property
    def last_line(self) -> str:
        return next(reversed(self._lines.copy()), "")

    def _read(self, descriptor: int, child: "subprocess.Popen[bytes]") -> None:
        with os.fdopen(descriptor, "r", encoding="utf-8", errors="replace") as pipe:
            for line in pipe:
                self._lines.append(line.rstrip())
                _pass_on(line.rstrip(), self._pacing)
        child.wait()  # whoever let go of the child meanwhile, it leaves no zombie


def _pass_on(line: str, pacing: LinePace) -> None:
    if count := pacing.left_out():
        log.info(f"HAProxy said {count} more lines, left out here")
    found = _LINE.match(line)
    if not pacing.lets_pass(found[1] if found else ""):
        return
    if found:
        level, pid, text = found.groups()
        # What our own commands do is told by the journal.
        say = log.debug if text.startswith("CLI : ") else getattr(log, _LEVELS[level])
        say(SAYS, text=text, haproxy=int(pid))
    elif line:
        log.info(SAYS, text=line)
