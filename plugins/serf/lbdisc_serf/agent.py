"""The local Serf agent: another's, or one that lbdisc starts, watches over and stops."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog

from lbdisc import atomic
from lbdisc.errors import DiscoveryError, SettingsError
from lbdisc_serf import complaints, launching
from lbdisc_serf.connecting import connect
from lbdisc_serf.files import AgentFiles
from lbdisc_serf.members import Member
from lbdisc_serf.output import AgentOutput
from lbdisc_serf.settings import GOSSIP_PORT, SerfSettings, joined, split
from lbdisc_serf.tags import check_size
from lbdisc_serf.wire import RpcError, RpcStopped, never

START = 10.0  # seconds that an agent may take to answer
# Seconds from the leave to the end: one round of gossip, by profile, and a bit. Others have been
# told of the intent before the leave and pass the leave on; Serf itself would sit for a second.
PROPAGATION = {"local": 0.15, "lan": 0.3, "wan": 0.6}
LAST_WORDS = 0.5  # seconds
ANYWHERE = ("0.0.0.0", "::")


class LocalAgent:
    """The local agent while it is needed, in a ``with`` block.

    An external one has to be there. A managed one is started, unless an agent answers at
    ``serf.rpc`` already: then that is taken, as it is another lbdisc's on this host. At the end of
    the block an own agent leaves the cluster if it was told to, or if ``stopped`` says that the end
    is wanted; else it is killed at once, so that its successor can take its place unnoticed.
    After a ``DiscoveryError`` it goes on: others can still join it, and the next block takes it up.
    After a leave the next one joins again whom it knew only if this one ``rejoins``.
    """

    def __init__(
        self,
        settings: SerfSettings,
        *,
        node: str,
        tags: Mapping[str, str],
        advertise: str = "",
        rejoins: bool = False,
        stopped: Callable[[], bool] = never,
    ) -> None:
        self._log = structlog.get_logger("lbdisc.serf")
        self._settings = settings
        self._node = settings.node or node
        self._tags = dict(tags)
        self._advertise = settings.advertise or advertise
        self._rejoins = rejoins
        self._stopped = stopped
        self._keys: tuple[str, ...] = ()
        self._child: subprocess.Popen[bytes] | None = None
        self._output: AgentOutput | None = None
        self._leaving = False
        self.knew: tuple[Member, ...] = ()
        """The members that an own agent had known before it was started."""

    @property
    def owned(self) -> bool:
        """Whether this object started the agent."""
        return self._child is not None

    def check(self) -> None:
        """Raise ``RpcError`` or ``SettingsError`` with its last words if an own agent has ended."""
        if self._child is not None and self._child.poll() is not None:
            assert self._output is not None
            self._output.close()
            raise complaints.ended(self._child.returncode, self._output.tail)

    def until(self, stopped: Callable[[], bool]) -> Self:
        """This one, whose end is wanted when ``stopped`` says so."""
        self._stopped = stopped
        return self

    def check_keys(self) -> None:
        """Raise ``RpcError`` if an own agent was started with other gossip keys than there are now.

        Raises ``SettingsError`` if they are no keys.
        """
        if self._child is not None and self._settings.gossip_keys() != self._keys:
            raise RpcError("the gossip key has changed (serf.encrypt): the Serf agent starts anew")

    def __enter__(self) -> Self:
        if self._child is not None and self._child.poll() is not None:
            self.kill()
        if self._settings.managed and self._child is None and not self._answers():
            try:
                self._start()
            except BaseException as error:
                self.__exit__(type(error), error, error.__traceback__)
                raise
        return self

    def _answers(self) -> bool:
        with suppress(RpcError), connect(self._settings, self._stopped) as client:
            self._log.info("using the Serf agent that runs already", node=client.name)
            return True
        if self._stopped():
            raise RpcStopped("stopped before the agent was started")
        return False

    def _start(self) -> None:
        check_size(self._tags)
        path = self._write_configuration()
        self._child = launching.launch(self._settings.binary, path)
        self._output = AgentOutput(self._child, self._node)
        end = time.monotonic() + START
        while True:
            self.check()
            try:
                connect(self._settings, self._stopped).close()
                break
            except RpcStopped:
                raise
            except RpcError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        self._log.info("Serf agent started", node=self._node, pid=self._child.pid)

    def _write_configuration(self) -> Path:
        folder = self._settings.folder
        path = folder / f"{self._node}.json"
        files = AgentFiles(self._settings, self._node)
        self._keys = self._settings.gossip_keys()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            files.prepare(self._keys)
            self.knew = files.known if self._rejoins else ()
            atomic.write(path, json.dumps(self._configuration(files), indent=2), mode=0o600)
        except OSError as error:
            raise SettingsError(f"cannot write {path} (serf.folder): {error.strerror}") from error
        return path

    def _configuration(self, files: AgentFiles) -> dict[str, Any]:
        settings = self._settings
        address = split(settings.bind, "serf.bind", port=GOSSIP_PORT)
        configuration: dict[str, Any] = {
            "node_name": self._node,
            "bind": joined(address),
            "rpc_addr": settings.rpc,
            "profile": settings.profile,
            "tags": self._tags | dict(settings.tags),
            "snapshot_path": str(files.snapshot),
            "rejoin_after_leave": self._rejoins,
        }
        if self._advertise and (settings.advertise or address[0] in ANYWHERE):
            configuration["advertise"] = joined((self._advertise, address[1]))
        if settings.key:
            configuration["rpc_auth"] = settings.key
        if self._keys:
            configuration["keyring_file"] = str(files.keyring)
        return configuration

    def leave(self) -> None:
        """At the end of the block an own agent leaves the cluster."""
        self._leaving = True

    def _leave(self) -> None:
        if self._child is None or self._output is None:
            return
        # SIGINT is what Serf leaves at; on SIGTERM it would fail for the others.
        self._child.send_signal(signal.SIGINT)
        if self._output.left.wait(self._settings.leave_timeout):
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(PROPAGATION[self._settings.profile])
        else:
            self._log.warning("Serf agent did not leave", waited=self._settings.leave_timeout)

    def kill(self) -> None:
        """End an own agent at once, as if it had never been."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
        if self._output is not None:
            self._output.close()
        self._child = self._output = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._leaving or self._stopped():
                self._leave()
            elif isinstance(error, RpcError):
                self.explain()
        finally:
            if self._stopped() or not isinstance(error, DiscoveryError):
                self.kill()

    def explain(self) -> None:
        """After a connection broke: raise as ``check`` does if the reason is that the agent ended.

        A connection breaks a moment before the process that held it ends and can be asked.
        """
        if self._child is not None:
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(LAST_WORDS)
        self.check()
