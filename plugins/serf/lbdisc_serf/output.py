"""What an own agent prints: into lbdisc's log, and its last lines kept for an error's sake."""

import re
import subprocess
from collections import deque
from threading import Event, Thread

import structlog

KEPT = 20  # lines
_LINE = re.compile(r"\s*(?:\S+ \S+ )?\[(?P<level>[A-Z]+)\] (?P<text>.*)")
_WARNINGS = ("WARN", "ERR")
_TOLD = "agent: error joining"  # by who asked for the join, once


class AgentOutput:
    """Reads until the agent ends, so that it never waits for a reader. Close it after that.

    ``left`` is set when the member ``node``, the agent's own, has left, or its output has ended.
    """

    def __init__(self, child: "subprocess.Popen[bytes]", node: str) -> None:
        assert child.stdout is not None
        self._log = structlog.get_logger("lbdisc.serf")
        self._pipe = child.stdout
        self._lines: deque[str] = deque(maxlen=KEPT)
        self._leave = f"serf: EventMemberLeave: {node} "
        self.left = Event()
        self._thread = Thread(target=self._read, name="serf-output", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for raw in self._pipe:
            line = raw.decode("utf-8", errors="backslashreplace").strip()
            if line:
                self._lines.append(line)
                self._tell(line)
        self.left.set()

    def _tell(self, line: str) -> None:
        found = _LINE.fullmatch(line)
        if found is None:
            self._log.debug("serf agent", line=line)
        elif found["level"] in _WARNINGS and not self._is_expected(found["text"]):
            self._log.warning("serf agent", line=found["text"])
        elif found["text"].startswith("serf: Event"):
            if found["text"].startswith(self._leave):
                self.left.set()
            self._log.info("serf agent", line=found["text"])
        else:
            self._log.debug("serf agent", line=found["text"])

    def _is_expected(self, text: str) -> bool:
        return self.left.is_set() or text.startswith(_TOLD)

    @property
    def tail(self) -> list[str]:
        """The last lines, the newest at the end."""
        return list(self._lines)

    def close(self) -> None:
        """Wait for the last line; the agent has ended."""
        self._thread.join(1.0)
        if not self._thread.is_alive():
            self._pipe.close()
