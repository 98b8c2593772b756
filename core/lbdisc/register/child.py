"""The wrapped COMMAND: a process in a group of its own, that never outlives its keeper."""

import ctypes
import os
import signal
import subprocess
import threading
import time
import warnings
from collections.abc import Callable, Sequence

from lbdisc.environment import for_child
from lbdisc.errors import SettingsError, shown

NOT_FOUND, NOT_RUNNABLE = 127, 126  # exit codes, as of a shell
_PR_SET_PDEATHSIG = 1  # prctl(2)
_GLANCE = 0.02  # seconds between two looks at a group that is ending


class CommandError(SettingsError):
    """COMMAND cannot be started; ``exit_code`` is 127 or 126, as of a shell."""

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Child:
    """COMMAND with the standard streams of its keeper; its exit code comes through ``ended``.

    It gets the variables ``passed``, as ``for_child`` has it.
    """

    def __init__(self, command: Sequence[str], passed: Sequence[str] = ()) -> None:
        self.command = list(command)
        self._passed = tuple(passed)
        self._process: subprocess.Popen[bytes] | None = None
        self._waiter: threading.Thread | None = None

    @property
    def pid(self) -> int:
        """Its process id, which is that of its group; 0 before the start."""
        return self._process.pid if self._process else 0

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def start(self, ended: Callable[[int], None]) -> None:
        """Start it; ``ended`` is called once, from a thread, with an exit code as of a shell.

        To be called by the main thread, whose end ends COMMAND. Raises ``CommandError``.
        """
        try:
            with warnings.catch_warnings():
                # Newer Pythons warn of Python code between fork and exec where there are threads;
                # what runs there is one system call and needs no lock.
                warnings.simplefilter("ignore", DeprecationWarning)
                self._process = subprocess.Popen(
                    self.command,
                    process_group=0,
                    env=for_child(self._passed),
                    preexec_fn=_ends_with(os.getpid()),
                )
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            raise CommandError(
                f"cannot run COMMAND {shown(self.command[0])}: {error.strerror}",
                exit_code=NOT_FOUND if missing else NOT_RUNNABLE,
            ) from error
        self._waiter = threading.Thread(
            target=self._wait, args=(ended,), name="command", daemon=True
        )
        self._waiter.start()

    def _wait(self, ended: Callable[[int], None]) -> None:
        assert self._process is not None
        ended(exit_code(self._process.wait()))

    def send(self, number: int) -> None:
        """Signal COMMAND itself, which knows best what its own children need."""
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL for COMMAND and all of its group."""
        self._signal_group(signal.SIGKILL)

    def clear(self, limit: float) -> None:
        """End what is left of the group: SIGTERM, and SIGKILL after ``limit`` seconds."""
        end = time.monotonic() + limit
        there = self._signal_group(signal.SIGTERM)
        while there and time.monotonic() < end:
            time.sleep(_GLANCE)
            there = self._signal_group(0)
        if there:
            self.kill()

    def _signal_group(self, number: int) -> bool:
        """Signal all of the group, 0 to ask only; returns whether anybody was there."""
        if self._process is None:
            return False
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return False
        return True


def exit_code(code: int) -> int:
    """The exit code as a shell tells it: 128 and the signal's number for one that was killed."""
    return code if code >= 0 else 128 - code


def _ends_with(keeper: int) -> Callable[[], None]:
    """Makes COMMAND get SIGTERM when its keeper dies.

    A killed keeper is started again by its supervisor; an old COMMAND that still has the port would
    keep the new one from starting, and pass the checks in its place.
    """
    prctl = ctypes.CDLL(None).prctl  # looked up here: between fork and exec only what is harmless

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != keeper:
            os._exit(1)

    return arrange
