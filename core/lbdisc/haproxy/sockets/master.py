"""A typed client for the master CLI (``haproxy -W -S …``): the processes, and hitless reloads."""

import re
import time
from dataclasses import dataclass, replace
from pathlib import Path

from lbdisc.errors import shown
from lbdisc.haproxy.errors import HaproxyError, NotTold, ReloadFailed, Unreachable
from lbdisc.haproxy.sockets.dialling import dial
from lbdisc.haproxy.sockets.framing import NO_SUCH_WORKER, whole
from lbdisc.haproxy.sockets.socket import TIMEOUT
from lbdisc.haproxy.versions import LOADS_AFTER_FORK, RELOAD_FAILED, Version, read_version

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

    ``reloads`` counts the master's reloads, ``failed`` the failed ones since the last good one;
    from 3.1 on it is 1 when the last one failed. ``loading`` is a worker that still reads its
    configuration, and may yet end of it (3.1 and newer).
    """

    master: int
    reloads: int
    failed: int
    uptime: int
    version: Version
    workers: tuple[Worker, ...]
    old: tuple[Worker, ...]
    loading: Worker | None = None

    @property
    def current(self) -> Worker | None:
        """The worker that takes new connections, if there is one."""
        return self.workers[0] if self.workers else None

    @classmethod
    def read(cls, reply: str) -> "Processes":
        """Raises ``HaproxyError`` when ``reply`` is no ``show proc``."""
        part, parts = "master", dict[str, list[list[str]]]()
        for line in reply.split("\n"):
            if line.startswith("# "):
                part = line[2:].strip()
            elif line and not line.startswith("#"):
                parts.setdefault(part, []).append(line.replace("[failed:", "").split())
        try:
            [(pid, kind, reloads, *failed, uptime, version)] = parts["master"]
            if kind != "master":
                raise ValueError(kind)
            found = cls(
                master=int(pid),
                reloads=int(reloads),
                failed=int(failed[0].rstrip("]")) if failed else 0,
                uptime=_seconds(uptime),
                version=read_version(version),
                workers=tuple(map(_worker, parts.get("workers", ()))),
                old=tuple(map(_worker, parts.get("old workers", ()))),
            )
            # From 3.1 on the one that goes on after a failed reload is listed as an old one.
            return found if found.workers or not found.failed else found.with_the_one_before()
        except (KeyError, ValueError, IndexError) as error:
            raise HaproxyError(f"no 'show proc': {shown(reply)}") from error

    def with_the_one_before(self) -> "Processes":
        """The newest of the old workers is the one that serves."""
        serves = min(self.old, key=lambda worker: worker.reloads, default=None)
        return replace(
            self,
            workers=(serves,) if serves else (),
            old=tuple(worker for worker in self.old if worker != serves),
        )


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
        self._loaded = 0  # the process id of a worker that has answered

    def ask(self, line: str) -> str:
        """The reply to one line. Raises ``Unreachable``."""
        return self._ask(line, half_close=True)

    def ask_worker(self, pid: int, line: str) -> str:
        """The reply of the worker ``pid``. Raises ``Unreachable``, also before it has loaded."""
        reply = self.ask(f"@!{pid} {line}")
        if not reply or reply.startswith(NO_SUCH_WORKER):
            raise Unreachable(f"worker {pid} does not answer")
        return reply

    def runs(self, pid: int) -> bool:
        """Whether the worker ``pid`` has read its files, and answers. Raises ``Unreachable``."""
        return f"\nPid: {pid}\n" in self.ask(f"@!{pid} show info")

    def sockets(self, pid: int) -> tuple[tuple[str, str], ...]:
        """``show cli sockets``: address and level of each, as the worker ``pid`` has them.

        Raises ``Unreachable``.
        """
        lines = self.ask_worker(pid, "show cli sockets").split("\n")
        rows = [line.rsplit(" ", 2) for line in lines if line and not line.startswith("#")]
        return tuple((row[0], row[1]) for row in rows if len(row) == 3)

    def processes(self) -> Processes:
        """``show proc``. Raises ``Unreachable``, also while the master executes itself anew."""
        found = Processes.read(self.ask("show proc"))
        newest = found.current
        if newest and found.version >= LOADS_AFTER_FORK and self._loads(newest.pid):
            return replace(found, loading=newest).with_the_one_before()
        return found

    def _loads(self, pid: int) -> bool:
        """Whether the worker still reads its configuration: the master then knows it not yet."""
        if pid == self._loaded:
            return False
        try:
            if self.ask(f"@!{pid} show info").startswith(NO_SUCH_WORKER):
                return True
        except Unreachable as error:
            if not isinstance(error.__cause__, TimeoutError):
                raise
            return False  # it is there, if slow
        self._loaded = pid
        return False

    def reload(self, *, limit: float = RELOAD_LIMIT) -> tuple[Processes, str]:
        """Reload without losing a connection; returns once a new worker serves.

        Returns the processes after it and what HAProxy said meanwhile (empty before 2.7, which
        does not tell). Raises ``ReloadFailed`` when the old worker goes on, ``Unreachable`` when
        nothing answers within ``limit`` seconds, or HAProxy ends: some failures of a worker
        that has begun to serve end it all; ``NotTold`` when it could not be told, as while it
        executes itself anew for somebody else.
        """
        try:
            before = self.processes()
        except Unreachable as error:
            raise NotTold(str(error)) from error
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
        limit = self._timeout if timeout is None else timeout
        with dial(self.address, limit) as connection:
            try:
                # The master keeps the connection open after its answer.
                return whole(connection, f"{line}\n", limit, half_close=half_close)
            except OSError as error:
                raise Unreachable(f"the master of HAProxy broke off: {error}") from error


def is_gone(pid: int) -> bool:
    """Whether no such process runs here (proc(5)); one that nobody waited for has ended, too."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[:1] in (["Z"], ["X"])


def alerts(log: str) -> list[str]:
    """The alerts in HAProxy's output; those that give no cause only if there is no other."""
    texts = [found.group(1).strip() for line in log.split("\n") if (found := _ALERT.search(line))]
    return [text for text in texts if not _GENERAL.search(text)] or texts


def first_alert(log: str) -> str:
    """The first alert in ``log`` that gives a cause, on one line, or ``""``."""
    return next(iter(alerts(log)), "")


# What HAProxy says after the cause, and about servers while it runs.
_GENERAL = re.compile(
    r"too many fatal errors|Fatal errors found|Error\(s\) found|SIGTERM|All workers exited"
    r"|has no server available"
)
