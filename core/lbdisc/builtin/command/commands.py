"""Running an operator's command with a time limit that its children keep too."""

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from lbdisc.environment import for_child
from lbdisc.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Outcome:
    """``code`` is the exit code, negative for a signal, ``None`` when the time ran out."""

    code: int | None
    output: str

    @property
    def passed(self) -> bool:
        return self.code == 0

    def last_words(self, lines: int) -> str:
        """The last lines of the output that say anything, as one."""
        said = [line.strip() for line in self.output.splitlines() if line.strip()]
        return "; ".join(said[-lines:])

    def explained(self, timeout: float, *, lines: int = 1) -> str:
        """Why it did not pass, in one line, with the last ``lines`` of what it said."""
        if self.code is None:
            return f"took longer than {timeout:g} s"
        why = f"signal {-self.code}" if self.code < 0 else f"exit code {self.code}"
        said = self.last_words(lines)
        return f"{why}: {said}" if said else why


def split(command: str, *, setting: str) -> list[str]:
    """The words of a command line; no shell is used. Raises ``SettingsError``."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise SettingsError(f"{setting}: cannot read the command {command!r}: {error}") from error
    if not words:
        raise SettingsError(f"{setting}: an empty command")
    return words


def run(
    command: Sequence[str], *, timeout: float, environment: Mapping[str, str] | None = None
) -> Outcome:
    """Run ``command`` in a process group of its own, killed as a whole after ``timeout`` seconds.

    ``environment`` is that of a child (``lbdisc.environment.for_child``), if unsaid without any of
    lbdisc's variables. Raises ``OSError`` when it cannot be started. Output is the last 64 KiB of
    both streams.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=for_child() if environment is None else environment,
        start_new_session=True,
    ) as child:
        try:
            output, _ = child.communicate(timeout=timeout)
            code: int | None = child.returncode
        except subprocess.TimeoutExpired:
            _kill_group(child.pid)
            output, _ = child.communicate()
            code = None
    return Outcome(code, output[-65536:].decode(errors="replace"))


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
