"""One container: what it was asked to be, how it is, and what is done to it."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from lbdisc_lab.containers.docker import LIMIT, docker, inspect

SHORT = 12  # characters of an id that Docker takes for the host's name

# No ps: the images have none.
_LOOK = 'for p in /proc/[0-9]*; do echo "${p#/proc/} $(tr "\\0" " " 2>/dev/null <$p/cmdline)"; done'


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What ``docker run`` is asked for. ``ports`` are published on loopback, inner to outer."""

    image: str
    name: str
    network: str = ""
    alias: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    ports: Mapping[int, int] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    command: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """The words after ``docker run``."""
        words = ["--detach", "--name", self.name]
        words += ["--network", self.network] if self.network else []
        words += ["--network-alias", self.alias] if self.alias else []
        words += _each("--env", (f"{name}={value}" for name, value in self.environment.items()))
        words += _each("--volume", self.volumes)
        words += _each("--publish", (f"127.0.0.1:{o}:{i}" for i, o in self.ports.items()))
        words += _each("--label", self.labels)
        return [*words, *self.options, self.image, *self.command]

    def line(self) -> str:
        """The command for a person to copy."""
        return shlex.join(["docker", "run", *self.arguments()])


def _each(option: str, values: Any) -> list[str]:
    return [word for value in values for word in (option, value)]


def runs(command: str, program: str) -> bool:
    """Whether the command line ``command`` begins with the words of ``program``.

    A program is called by its name: without its folder, and without the Python that it is run by,
    so ``lbdisc register`` and ``lbdisc_lab.webapp`` are the starts of two, even though the command
    line of the first has the second in it.
    """
    words = command.split()
    if words and PurePosixPath(words[0]).name.startswith("python"):
        words = words[2:] if words[1:2] == ["-m"] else words[1:]
    if words:
        words[0] = PurePosixPath(words[0]).name
    wanted = program.split()
    return bool(wanted) and words[: len(wanted)] == wanted


class Container:
    """A container of the engine. Every method raises ``DockerError`` when the engine refuses."""

    def __init__(self, name: str, identity: str, *, network: str = "", alias: str = "") -> None:
        self.name = name
        self.id = identity
        self._network = network
        self._alias = alias

    @property
    def host(self) -> str:
        """The name of its host, which nodes and balancers take as their own."""
        return self.id[:SHORT]

    def inspect(self) -> dict[str, Any]:
        return inspect("container", self.id)

    @property
    def state(self) -> dict[str, Any]:
        """``Running``, ``ExitCode``, ``Pid``, ``Health`` and more, as the engine names them."""
        found: dict[str, Any] = self.inspect()["State"]
        return found

    @property
    def running(self) -> bool:
        return bool(self.state["Running"])

    @property
    def exit_code(self) -> int:
        """The code it ended with; 0 while it runs."""
        return int(self.state["ExitCode"])

    @property
    def health(self) -> str:
        """``starting``, ``healthy``, ``unhealthy``, or ``none`` where the image checks nothing."""
        health = self.state.get("Health")
        return str(health["Status"]) if health else "none"

    @property
    def address(self) -> str:
        """Its address in its network, empty while it has none."""
        networks = self.inspect()["NetworkSettings"]["Networks"]
        found = networks.get(self._network) if self._network else next(iter(networks.values()))
        return str(found["IPAddress"]) if found else ""

    def logs(self, *, since: str = "") -> str:
        """Its output and its errors, in the order they came."""
        return docker("logs", *(["--since", since] if since else []), self.id, both=True)

    def execute(self, *command: str, user: str = "") -> str:
        """The output of a command inside it."""
        return docker("exec", *(["--user", user] if user else []), self.id, *command)

    def processes(self) -> list[tuple[int, str, str]]:
        """Process id in the host, state letter (``Z``: zombie) and command of all inside it."""
        table = docker("top", self.id, "-eo", "pid,stat,args").splitlines()[1:]
        rows = [line.split(maxsplit=2) for line in table]
        return [(int(pid), stat[0], args) for pid, stat, args in rows]

    def programs(self) -> dict[int, str]:
        """The command line of each process, by its id inside; that of the look is left out."""
        lines = self.execute("sh", "-c", _LOOK).splitlines()
        found = (line.partition(" ") for line in lines if "/cmdline" not in line)
        return {int(pid): words.strip() for pid, _, words in found if words.strip()}

    def find_programs(self, program: str) -> frozenset[int]:
        """The ids of the processes that run ``program``, see ``runs``."""
        return frozenset(pid for pid, words in self.programs().items() if runs(words, program))

    def kill_programs(self, program: str) -> frozenset[int]:
        """kill -9 the processes that run ``program``, see ``runs``; returns their ids."""
        found = self.find_programs(program)
        if found:
            self.execute("sh", "-c", f"kill -9 {' '.join(map(str, found))}")
        return found

    def stop(self, seconds: int = 10) -> None:
        """``docker stop``: its stop signal, and SIGKILL after so many seconds."""
        docker("stop", "--time", str(seconds), self.id, limit=seconds + LIMIT)

    def kill(self, signal: str = "KILL") -> None:
        """``docker kill``: a signal for process 1."""
        docker("kill", "--signal", signal, self.id)

    def start(self) -> None:
        docker("start", self.id)

    def restart(self, seconds: int = 10) -> None:
        """``docker restart``: stop as ``stop`` does, and start."""
        docker("restart", "--time", str(seconds), self.id, limit=seconds + LIMIT)

    def disconnect(self) -> None:
        """Pull the plug: it is in no network until ``connect``."""
        docker("network", "disconnect", self._network, self.id)

    def connect(self) -> None:
        """Into its network again, at whatever address is free."""
        alias = ["--alias", self._alias] if self._alias else []
        docker("network", "connect", *alias, self._network, self.id)

    def remove(self) -> None:
        """Kill it and forget it, with its anonymous volumes."""
        docker("rm", "--force", "--volumes", self.id)
