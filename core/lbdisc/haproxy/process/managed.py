"""HAProxy as a child of ours, or as one that an earlier agent left behind.

It runs as ``haproxy -W -db -S MASTER -f CONFIG`` in a session of its own: when the agent is killed,
HAProxy serves on, and the next agent finds it at its master socket and takes it over.
"""

import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from lbdisc.environment import for_child
from lbdisc.errors import ApplyError
from lbdisc.haproxy.binds import unix_path
from lbdisc.haproxy.errors import ReloadFailed, Unreachable
from lbdisc.haproxy.process.output import ProcessOutput
from lbdisc.haproxy.process.program import find
from lbdisc.haproxy.process.stale import clear_socket
from lbdisc.haproxy.process.whose_file import check_file
from lbdisc.haproxy.sockets.closed import is_there
from lbdisc.haproxy.sockets.master import RELOAD_LIMIT, Master, Processes, alerts, first_alert
from lbdisc.haproxy.sockets.socket import answers

START_LIMIT = 30.0  # seconds until it serves; names in DNS that do not resolve take long
_EVERY = 0.01  # seconds between two looks at a process that starts or stops


class Managed:
    """One HAProxy in master-worker mode; only ``alive`` may be asked by several threads at once.

    ``master`` is the path of its master socket, ``binary`` a program's name or path,
    ``files`` all that it reads in its order, without it ``config`` alone. It gets the variables
    ``passed``, as ``for_child`` has it.
    """

    def __init__(
        self,
        *,
        binary: str,
        config: Path,
        master: Path,
        files: Sequence[str] = (),
        passed: Sequence[str] = (),
    ) -> None:
        self.binary = binary
        self._files = tuple(files) or (str(config),)
        self._passed = tuple(passed)
        self.config = config
        self.master = Master(master)
        self._socket = master
        self._child: subprocess.Popen[bytes] | None = None
        self._output = ProcessOutput()
        self._pid = 0
        self._pidfd = -1
        self._leads = False  # a process group of its own, as ours do

    @property
    def pid(self) -> int:
        """The master's process id, 0 when there is none."""
        return self._pid if self.alive() else 0

    def alive(self) -> bool:
        """Whether the master lives; one system call. A master whose worker crashed ends too."""
        return self._pidfd >= 0 and not select.select([self._pidfd], [], [], 0)[0]

    def adopt(self) -> Processes | None:
        """Take over a HAProxy that serves at the master socket; ``None`` when there is none.

        Raises ``SettingsError`` when what serves there runs another configuration file.
        """
        if not is_there(str(self._socket)) or not answers(self._socket):
            return None
        found = self._processes(time.monotonic() + 5)
        if found is None or found.current is None:
            return None
        return found if self.take(found.master) else None

    def take(self, pid: int) -> bool:
        """Take over the master ``pid``, also where its socket is gone; whether it lives.

        Raises ``SettingsError`` when it runs another configuration file.
        """
        with suppress(ProcessLookupError):
            check_file(self.config, pid, str(self._socket))
            self._watch(pid)
            return True
        return False

    def start(self, *, runtime: str = "", limit: float = START_LIMIT) -> Processes:
        """Start it, and return when a worker serves; ``runtime`` is its stats socket, if any.

        Raises ``SettingsError`` for a missing program or a socket that cannot be, ``ApplyError``
        with HAProxy's own words when it ends, or does not serve within ``limit`` seconds.
        """
        self.release()
        program = find(self.binary)
        clear_socket(str(self._socket), "the master socket")
        if path := unix_path(runtime):
            clear_socket(path, "the stats socket")
        # -db: also with `daemon` in the file it stays our child (management guide 3, "-db").
        command = [program, "-W", "-db", "-S", f"{self._socket},mode,600"]
        command += [word for file in self._files for word in ("-f", file)]
        self._child = self._output.start(command, for_child(self._passed))
        try:
            self._watch(self._child.pid)
            return self._until_ready(time.monotonic() + limit)
        except ProcessLookupError as error:
            raise ApplyError(f"HAProxy ended at once: {self._first_words}") from error
        except BaseException:
            self.stop(soft=0, limit=2)
            raise

    def stop(self, *, soft: float, limit: float) -> None:
        """End it: let its streams finish for ``soft`` seconds, force it after ``limit``."""
        if not self.alive():
            return self.release()
        now = time.monotonic()
        steps = [(signal.SIGUSR1, now + soft)] if soft > 0 else []
        steps += [(signal.SIGTERM, now + limit), (signal.SIGKILL, now + limit + 5)]
        for number, until in steps:
            self.send(number)
            if self._ends(until):
                break
        if self._leads:
            with suppress(ProcessLookupError):
                os.killpg(self._pid, signal.SIGKILL)  # workers that outlived their master
        return self.release()

    def release(self) -> None:
        """Let go of it without ending it; ``adopt`` finds it again."""
        if self._pidfd >= 0:
            if not self.alive() and self._child is not None:
                self._child.wait()
            os.close(self._pidfd)
        self._pidfd, self._pid, self._child = -1, 0, None

    def reload(self, *, limit: float = RELOAD_LIMIT) -> tuple[Processes, str]:
        """As ``Master.reload``; the error holds the cause also where only the log tells it (2.6).

        The cause of a HAProxy that was adopted stays unknown before 2.7: its log goes elsewhere.
        """
        self._output.clear()
        try:
            return self.master.reload(limit=limit)
        except ReloadFailed as error:
            cause = self._output.until(first_alert, limit=0.5)
            if not cause or cause in str(error):
                raise
            raise ReloadFailed(f"{error}: {cause}") from error

    @property
    def last_words(self) -> str:
        """HAProxy's last alert that gives a cause, on one line, or what it said at last."""
        return next(reversed(alerts(self._output.text)), "") or self._output.last_line

    @property
    def _first_words(self) -> str:
        return first_alert(self._output.text) or self._output.last_line or "it says nothing"

    def _watch(self, pid: int) -> None:
        if self._pidfd >= 0:
            os.close(self._pidfd)
        self._pidfd, self._pid = os.pidfd_open(pid), pid
        self._leads = os.getpgid(pid) == pid

    def _processes(self, until: float) -> Processes | None:
        """``show proc``, asked again while a reload is under way."""
        while True:
            try:
                return self.master.processes()
            except Unreachable:
                if time.monotonic() > until:
                    return None
                time.sleep(_EVERY)

    def _until_ready(self, until: float) -> Processes:
        while True:
            with suppress(Unreachable):
                processes = self.master.processes()
                if processes.current and self.master.runs(processes.current.pid):
                    return processes
            if not self.alive():
                self._output.join()
                raise ApplyError(f"HAProxy did not start: {self._first_words}")
            if time.monotonic() > until:
                raise ApplyError(f"HAProxy does not serve: {self._first_words}")
            time.sleep(_EVERY)

    def send(self, number: signal.Signals) -> None:
        """Signal the master; one that has ended is no error."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, number)

    def _ends(self, until: float) -> bool:
        return bool(select.select([self._pidfd], [], [], max(0.0, until - time.monotonic()))[0])
