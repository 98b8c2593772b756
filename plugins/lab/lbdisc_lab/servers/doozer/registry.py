"""A server of doozer's protocol as a process, and the faults that tests need."""

import shutil
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from lbdisc.testing.processes import Process, accepts, free_port
from lbdisc_doozer.settings import DEFAULT_PORT
from lbdisc_lab.servers.machines import Machine, port_on


def doozerd() -> Path | None:
    """The real one, if it is on the PATH."""
    found = shutil.which("doozerd")
    return Path(found) if found else None


class DoozerServer:
    """One server; its port stays the same over restarts.

    ``real``: doozerd itself, which keeps nothing over a restart and cannot stand still.
    """

    def __init__(
        self,
        folder: Path,
        *,
        program: Path | None = None,
        secret: str = "",
        read_secret: str = "",
        history: int = 2000,
        address: str = "127.0.0.1",
        machine: Machine | None = None,
    ) -> None:
        self.folder = folder
        self.real = program is not None
        self.port = port_on(machine, DEFAULT_PORT) if machine else free_port(address)
        self.address = address = machine.address if machine else address
        self.secret = secret
        self.history = history
        self._data = folder / "doozer.json"
        command: list[str | Path] = [program] if program else [sys.executable, "-m", __package__]
        command += ["-l", f"{address}:{self.port}", "-w", "false", "-hist", str(history)]
        command += [] if self.real else ["--data", self._data]
        self.process = Process(
            [*(machine.prefix if machine else ()), *command],
            log=folder / "doozer.log",
            ready=lambda: accepts(self.port, address),
            environment={"DOOZER_RWSECRET": secret, "DOOZER_ROSECRET": read_secret},
        )

    @property
    def settings(self) -> dict[str, object]:
        """What an agent needs to know, by dotted keys."""
        found: dict[str, object] = {"doozer.servers": [f"{self.address}:{self.port}"]}
        return found | ({"doozer.secret": self.secret} if self.secret else {})

    def node_settings(self, index: int) -> dict[str, object]:
        """What the ``index``-th registrar needs: the same for all."""
        return self.settings

    def start(self) -> None:
        """Start it if it does not run, and wait until it serves."""
        if not self.process.running:
            self.process.start()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()

    def pause(self) -> None:
        """Freeze: connections stay, nothing answers."""
        self.process.pause()

    def resume(self) -> None:
        """End ``pause``."""
        self.process.resume()

    def restart(self) -> None:
        """kill -9, and start again; all is there as before, unless it is the real one."""
        self.kill()
        self.start()

    def wipe(self) -> None:
        """kill -9, and start again with nothing, as a doozer whose servers all restarted."""
        self.kill()
        self._data.unlink(missing_ok=True)
        self.start()

    def stand_still(self) -> None:
        """Answer reads, and let writes wait: as without a majority of its cluster."""
        self.process.send(signal.SIGUSR1)

    def go_on(self) -> None:
        """End ``stand_still``: what waited is written."""
        self.process.send(signal.SIGUSR2)

    def stop(self) -> None:
        self.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start(
    folder: Path,
    *,
    members: int = 1,
    program: Path | None = None,
    secret: str = "",
    read_secret: str = "",
    history: int = 2000,
    address: str = "127.0.0.1",
    machine: Machine | None = None,
) -> DoozerServer:
    """A server that serves on ``address``, with all its files in ``folder``; or on ``machine``, at
    doozer's own port.

    Our own of the protocol, or the doozerd at ``program``. ``secret`` is what writing needs,
    ``read_secret`` what reading needs, ``history`` how many revisions are known.
    """
    if members != 1:
        raise RuntimeError("there are no clusters of doozer here: members has to be 1")
    folder.mkdir(parents=True, exist_ok=True)
    server = DoozerServer(
        folder,
        program=program,
        secret=secret,
        read_secret=read_secret,
        history=history,
        address=address,
        machine=machine,
    )
    try:
        server.start()
    except BaseException:
        server.stop()
        raise
    return server
