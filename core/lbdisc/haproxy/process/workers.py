"""Which worker serves, and the way to the next one.

The master CLI tells and reloads. Where its socket's file was removed, the master makes no new one
before it is started anew: the worker itself then tells, and a reload goes by signal (management
guide 4, "SIGUSR2").
"""

import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import structlog

from lbdisc.environment import secrets_in
from lbdisc.haproxy.binds import unix_path
from lbdisc.haproxy.errors import Forbidden, HaproxyError, NotTold, Unreachable
from lbdisc.haproxy.process.managed import Managed
from lbdisc.haproxy.process.surroundings import Surroundings, environment_of
from lbdisc.haproxy.process.whose_file import check_file
from lbdisc.haproxy.settings import HaproxySettings
from lbdisc.haproxy.sockets.closed import is_there, own_group
from lbdisc.haproxy.sockets.master import Master
from lbdisc.haproxy.sockets.socket import Runtime

log = structlog.get_logger("lbdisc.haproxy")
_EVERY = 0.02  # seconds between two looks for a new worker


class Workers:
    """The workers of the HAProxy at ``master_socket``, of ``managed`` where it is ours.

    ``runtime`` is the runtime socket of what runs, ``""`` where there is none. ``noted`` tells the
    master that an earlier lbdisc left, as long as it lives, else 0. One that is started gets the
    variables ``passed``, as ``for_child`` has it.
    """

    def __init__(
        self,
        master_socket: str,
        noted: Callable[[], int] = lambda: 0,
        *,
        passed: Sequence[str] = (),
    ) -> None:
        self.managed: Managed | None = None
        self._passed = tuple(passed)
        self._exposes = ""
        self._noted = noted
        self._socket = master_socket
        self._master = Master(master_socket)
        self._told = False
        self._remarked = ""
        self.away = ""  # why the HAProxy of a supervisor could not be asked at the last look

    @property
    def died(self) -> str:
        """That our HAProxy is not running any more and its last words, else ``""``."""
        if self.managed is None or self.managed.alive():
            return ""
        words = self.managed.last_words
        return f"HAProxy is not running{': ' + words if words else ''}"

    def alive(self, settings: HaproxySettings, config: Path, runtime: str) -> bool:
        """Whether there is a HAProxy to reload; takes over one that an earlier lbdisc left.

        Raises ``SettingsError`` where it runs another file than ``config``, ``Forbidden`` where it
        may not be asked.
        """
        if settings.mode == "attached":
            return self._attached(config, runtime, settings.files)
        if self.managed is None:
            master = Path(settings.master_socket)
            files = settings.files or (str(config),)
            self.managed = Managed(
                binary=settings.binary,
                config=config,
                master=master,
                files=files,
                passed=self._passed,
            )
        if self.managed.alive():
            return True
        noted = 0 if self.managed.adopt() else self._noted()
        if not self.managed.alive() and not (noted and self.managed.take(noted)):
            return False
        log.info("took over the HAProxy that serves already", process=self.managed.pid)
        self._tell_of_secrets()
        return True

    def master(self) -> int:
        """The process id of the master, 0 where none tells it."""
        if self.managed is not None:
            return self.managed.pid
        with suppress(HaproxyError):
            return self._master.processes().master
        return 0

    def _attached(self, config: Path, runtime: str, files: Sequence[str]) -> bool:
        self.away = ""
        try:
            worker = self.current(runtime)
        except Forbidden as error:
            raise Forbidden(
                f"{error}. Start HAProxy with -S {self._socket},mode,660,group,{own_group()}"
                " (docs/attach.md)"
            ) from error
        except HaproxyError as error:
            self.away = str(error)
            return False
        with suppress(HaproxyError):
            self._remark(self.remark(config, files))
        self._tell_of_secrets()
        if not worker:
            self.away = f"the master at {self._socket} has no worker"
        return worker != 0

    def remark(self, config: Path, files: Sequence[str] = ()) -> str:
        """What to know of the files that the HAProxy there runs, ``""`` if nothing.

        ``files`` are those of the settings.

        Raises ``SettingsError`` where ``config`` is none of them, ``HaproxyError`` where it cannot
        be asked.
        """
        return check_file(config, self._master.processes().master, self._socket, files)

    def _remark(self, found: str) -> None:
        if found and found != self._remarked:
            log.warning("HAProxy runs several files", says=found)
        self._remarked = found

    def surroundings(self) -> Surroundings:
        """Those of HAProxy: also after a reload it has those that it was started with."""
        if master := self.master():
            return Surroundings.of(master, self._passed)
        return Surroundings.own(self._passed)

    def _tell_of_secrets(self) -> None:
        """Once; a reload does not change what HAProxy was started with."""
        found = ", ".join(secrets_in(environment_of(self.master()) or {}, self._passed))
        if found and found != self._exposes:
            log.warning(
                "HAProxy was started with lbdisc's secrets in its environment, and its CLI tells"
                " them (show env): restart it without",
                variables=found,
            )
        self._exposes = found

    def start(self, runtime: str) -> int:
        """Start ours; the process id of its worker. Raises as ``Managed.start``."""
        assert self.managed is not None
        worker = self.managed.start(runtime=runtime).current
        assert worker is not None
        return worker.pid

    def current(self, runtime: str) -> int:
        """The process id of the worker that serves, 0 for none. Raises ``HaproxyError``."""
        try:
            worker = self._master.processes().current
        except Unreachable:
            if not (self._lost and runtime):
                raise
            self._tell()
            return _answering(runtime)
        self._told = False
        return worker.pid if worker else 0

    def reload(self, runtime: str, *, limit: float) -> int:
        """Reload hitlessly, within ``limit`` seconds; the process id of the new worker.

        Raises ``ReloadFailed`` when the old worker goes on, ``Unreachable`` when nothing answers.
        """
        if not self._lost:
            processes, _ = (self.managed or self._master).reload(limit=limit)
            assert processes.current is not None
            return processes.current.pid
        if self.managed is None or not runtime:
            raise NotTold(
                f"the master socket {self._socket} is gone, so nothing can be reloaded: "
                "restart HAProxy, which makes it anew"
            )
        return self._reload_by_signal(self.managed, runtime, time.monotonic() + limit)

    @property
    def _lost(self) -> bool:
        path = unix_path(self._socket)
        return bool(path) and not is_there(path)

    def _tell(self) -> None:
        if not self._told:
            log.warning(
                "the master socket is gone; servers still change, and a restart of HAProxy "
                "makes it anew",
                path=self._socket,
                reload="by signal" if self.managed else "not possible",
            )
        self._told = True

    def _reload_by_signal(self, managed: Managed, runtime: str, until: float) -> int:
        before = _answering(runtime)
        managed.send(signal.SIGUSR2)
        while time.monotonic() < until:
            time.sleep(_EVERY)
            with suppress(HaproxyError):
                if (now := _answering(runtime)) != before:
                    return now
        raise Unreachable(f"no new worker of HAProxy answers at {runtime}: {managed.last_words}")


def _answering(runtime: str) -> int:
    with Runtime(runtime) as socket:
        return socket.info().pid
