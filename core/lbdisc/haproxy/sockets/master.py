"""A typed client for the master CLI (``haproxy -W -S …``): the processes, and hitless reloads."""

import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from lbdisc.errors import shown
from lbdisc.haproxy.errors import HaproxyError, ReloadFailed, Unreachable
from lbdisc.haproxy.sockets.socket import TIMEOUT, dial
from lbdisc.haproxy.versions import RELOAD_FAILED, Version, read_version

RELOAD_LIMIT = 30.0  # seconds; 10,000 servers in one proxy take 0.6 s, a slow DNS server more
_EVERY = 0.005  # seconds between two looks while a reload is under way (it takes about 50 ms)
_UPTIME = re.compile(r"(\d+)d(\d+)h(\d+)m(\d+)s")
_ALERT = re.compile(r"\[ALERT\]\s+\(\d+\) : (.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A process of HAProxy; ``uptime`` in seconds, ``reloads`` how many it has outlived."""

    pid: int
    reloads: int
    uptime: int
    version: Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """``show proc``: the master, its workers, and the old ones that finish their streams.

    ``reloads`` counts the master's reloads, ``failed`` the failed ones since the last good one.
    """

    master: int
    reloads: int
    failed: int
    uptime: int
    version: Version
    workers: tuple[Worker, ...]
    old: tuple[Worker, ...]

    @property
    def current(self) -> Worker | None:
        """The worker that takes new connections, if there is one."""
        return self.workers[0] if self.workers else None

    @classmethod
    def read(cls, reply: str) -> "Processes":
        """Raises ``HaproxyError`` when ``reply`` is no ``show proc``."""
        part, parts = "master", dict[str, list[list[str]]]()
        for line in reply.splitlines():
            if line.startswith("# "):
                part = line[2:].strip()
            elif line and not line.startswith("#"):
                parts.setdefault(part, []).append(line.replace("[failed:", "").split())
        try:
            [(pid, kind, reloads, *failed, uptime, version)] = parts["master"]
            if kind != "master":
                raise ValueError(kind)
            return cls(
                master=int(pid),
                reloads=int(reloads),
                failed=int(failed[0].rstrip("]")) if failed else 0,
                uptime=_seconds(uptime),
                version=read_version(version),
                workers=tuple(map(_worker, parts.get("workers", ()))),
                old=tuple(map(_worker, parts.get("old workers", ()))),
            )
        except (KeyError, ValueError, IndexError) as error:
            raise HaproxyError(f"no 'show proc': {shown(reply)}") from error


def _worker(words: list[str]) -> Worker:
    pid, _kind, reloads, uptime, version = words
    return Worker(
        pid=int(pid), reloads=int(reloads), uptime=_seconds(uptime), version=read_version(version)
    )


def _seconds(uptime: str) -> int:
    found = _UPTIME.fullmatch(uptime)
    if not found:
        raise ValueError(uptime)
    days, hours, minutes, seconds = map(int, found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


class Master:
    """The master CLI at a Unix path or ``host:port``; every call is one connection."""

    def __init__(self, address: str | Path, *, timeout: float = TIMEOUT) -> None:
        self.address = address
        self._timeout = timeout

    def ask(self, line: str) -> str:
        """The reply to one line. Raises ``Unreachable``."""
        return self._ask(line, half_close=True)

    def processes(self) -> Processes:
        """``show proc``. Raises ``Unreachable``, also while the master executes itself anew."""
        return Processes.read(self.ask("show proc"))

    def reload(self, *, limit: float = RELOAD_LIMIT) -> tuple[Processes, str]:
        """Reload without losing a connection; returns once a new worker serves.

        Returns the processes after it and what HAProxy said meanwhile (empty before 2.7, which
        does not tell). Raises ``ReloadFailed`` when the old worker goes on, ``Unreachable`` when
        nothing answers within ``limit`` seconds, or HAProxy ends: some failures of a worker
        that has begun to serve end it all.
        """
        before = self.processes()
        end = time.monotonic() + limit
        try:
            said = self._ask("reload", half_close=False, timeout=limit)
        except Unreachable:
            said = ""  # 2.6 closes at once, and may reset the connection: the processes tell
        log = said.partition("\n--\n")[2].strip()
        if said.startswith(RELOAD_FAILED):
            raise ReloadFailed(f"HAProxy's reload failed: {first_alert(log) or 'see its log'}")
        return self._reloaded(before, end), log

    def _reloaded(self, before: Processes, end: float) -> Processes:
        known = {worker.pid for worker in (*before.workers, *before.old)}
        seen = not is_gone(before.master)
        while True:
            try:
                now = self.processes()
                if now.failed and now.reloads != before.reloads:
                    raise ReloadFailed("HAProxy's reload failed, the old worker goes on")
                if now.current is not None and now.current.pid not in known:
                    return now
            except Unreachable as error:
                if seen and is_gone(before.master):
                    raise Unreachable("HAProxy ended with its new worker") from error
            if time.monotonic() > end:
                raise Unreachable(f"no new worker of HAProxy shows at {self.address}")
            time.sleep(_EVERY)

    def _ask(self, line: str, *, half_close: bool, timeout: float | None = None) -> str:
        if not line.isprintable():
            raise HaproxyError(f"not one command: {shown(line)}")
        connection = dial(self.address, self._timeout if timeout is None else timeout)
        with connection:
            try:
                connection.sendall(f"{line}\n".encode())
                if half_close:  # the master keeps the connection open after its answer
                    connection.shutdown(socket.SHUT_WR)
                reply = b"".join(iter(lambda: connection.recv(1 << 16), b""))
            except OSError as error:
                raise Unreachable(f"the master of HAProxy broke off: {error}") from error
        return reply.decode(errors="replace")


def is_gone(pid: int) -> bool:
    """Whether no such process runs here (proc(5)); one that nobody waited for has ended, too."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[:1] in (["Z"], ["X"])


def alerts(log: str) -> list[str]:
    """The alerts in HAProxy's output; those that give no cause only if there is no other."""
    texts = [found.group(1).strip() for line in log.splitlines() if (found := _ALERT.search(line))]
    return [text for text in texts if not _GENERAL.search(text)] or texts


def first_alert(log: str) -> str:
    """The first alert in ``log`` that gives a cause, on one line, or ``""``."""
    return next(iter(alerts(log)), "")


# What HAProxy says after the cause, and about servers while it runs.
_GENERAL = re.compile(
    r"too many fatal errors|Fatal errors found|Error\(s\) found|SIGTERM|All workers exited"
    r"|has no server available"
)
