"""The agent's end of orders: a socket in ``state_dir``, for its own user, root and one group.

Each connection has a thread, a time limit and a size limit, and there is room for few: whoever asks
slowly, much or nothing at all holds up nobody but the others who ask.
"""

import grp
import os
import pwd
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore, Event, Lock, Thread

import structlog

from lbdisc.agent.refusals import Refusals
from lbdisc.orders import (
    LONG_PATIENCE,
    LONGEST,
    PATIENCE,
    SOCKET,
    OperatorOrder,
    OrderReply,
    line_of,
    reachable,
)
from lbdisc.trust import user_name

ROOM = 8  # connections at a time
LIMIT = 2.0  # seconds for an order to come, or for an answer to be taken
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: unix(7)
_log = structlog.get_logger("lbdisc.control")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the kernel says."""

    pid: int
    uid: int
    gid: int

    @classmethod
    def of(cls, connection: socket.socket) -> "Caller":
        size = _CREDENTIALS.size
        return cls(
            *_CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        )

    def __str__(self) -> str:
        return f"{user_name(self.uid)} ({self.uid})"

    def may(self, group: int | None) -> bool:
        """Whether it is root, the agent's own user, or in the ``group``."""
        if self.uid in (0, os.geteuid()) or (group is not None and self.gid == group):
            return True
        with suppress(KeyError, OSError):
            name = pwd.getpwuid(self.uid).pw_name
            return group is not None and group in os.getgrouplist(name, self.gid)
        return False


# Called in the agent's loop: what is ordered, by whom.
Obeys = Callable[[OperatorOrder, str], OrderReply]


class _Errand:
    """An order on its way to the loop; who gave up waiting is not obeyed later."""

    def __init__(self, do: Callable[[], OrderReply]) -> None:
        self._do = do
        self._lock = Lock()
        self._taken = self._dropped = False
        self._over = Event()
        self._reply = OrderReply(False, "the agent failed: its log says how")

    def run(self) -> None:
        """For the loop."""
        with self._lock:
            if self._dropped:
                return
            self._taken = True
        try:
            self._reply = self._do()
        except Exception:  # noqa: BLE001 - no order may end the agent
            _log.exception("an order failed")
        finally:
            self._over.set()

    def answer(self, patience: float) -> OrderReply:
        """For who waits."""
        if self._over.wait(patience):
            return self._reply
        with self._lock:
            if not self._taken:
                self._dropped = True
                return OrderReply(False, "the agent is busy or starts: nothing was done")
        return OrderReply(False, "the agent still works at it: `lbdisc status` shows what came")


class ControlSocket:
    """Takes orders in ``folder`` from ``start`` to ``stop``.

    ``ask`` has something done by the agent's loop. Where no socket can be made, that is said in the
    log, and the agent goes on.
    """

    def __init__(
        self, folder: Path, ask: Callable[[Callable[[], None]], None], obey: Obeys, *, group: str
    ) -> None:
        self._folder = folder
        self._ask = ask
        self._obey = obey
        self._group_name = group
        self._group: int | None = None
        self._room = BoundedSemaphore(ROOM)
        self._refusals = Refusals()
        self._stopped = False
        self._socket: socket.socket | None = None

    def start(self) -> None:
        try:
            self._socket = self._opened()
        except (OSError, KeyError) as error:
            why = f"no group {self._group_name}" if isinstance(error, KeyError) else str(error)
            path = str(self._folder / SOCKET)
            _log.warning("no orders can be taken", socket=path, setting="agent", why=why)
            return
        Thread(target=self._run, args=(self._socket,), name="lbdisc-orders", daemon=True).start()

    def stop(self) -> None:
        """Take no more orders; returns at once."""
        self._stopped = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            (self._folder / SOCKET).unlink(missing_ok=True)

    def _opened(self) -> socket.socket:
        if self._group_name:
            self._group = grp.getgrnam(self._group_name).gr_gid
        path = self._folder / SOCKET
        path.unlink(missing_ok=True)  # of an agent that was killed: the folder is ours alone
        found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with reachable(self._folder) as short:
                found.bind(short)
            # Nobody can connect before ``listen``: the mode counts from the first moment on.
            path.chmod(0o600)
            if self._group is not None:
                os.chown(path, -1, self._group)
                path.chmod(0o660)
                self._see_the_way(self._group)
            found.listen(64)
        except BaseException:
            found.close()
            raise
        return found

    def _see_the_way(self, group: int) -> None:
        folder = self._folder.stat()
        if not (folder.st_mode & 0o001 or (folder.st_gid == group and folder.st_mode & 0o010)):
            _log.warning(
                "the group of agent.control_group cannot reach the socket",
                state_dir=str(self._folder),
                remedy=f"chgrp {self._group_name} {self._folder}",
            )

    def _run(self, listening: socket.socket) -> None:
        while not self._stopped:
            try:
                connection, _ = listening.accept()
            except OSError as error:
                if self._stopped:
                    return
                _log.warning("no order can be taken now", why=str(error))
                time.sleep(1)
                continue
            if self._room.acquire(blocking=False):
                Thread(target=self._serve, args=(connection,), daemon=True).start()
            else:
                self._turn_away(connection)

    def _turn_away(self, connection: socket.socket) -> None:
        reply = OrderReply(False, f"more than {ROOM} ask at a time", busy=True)
        with connection, suppress(OSError):
            connection.setblocking(False)
            connection.send(reply.to_line())

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, suppress(OSError):
                reply = self._reply(connection, Caller.of(connection))
                connection.settimeout(LIMIT)
                connection.sendall(reply.to_line())
        finally:
            self._room.release()

    def _reply(self, connection: socket.socket, caller: Caller) -> OrderReply:
        if not caller.may(self._group):
            return self._refused(caller, "only root, the agent's user and its control group may")
        try:
            order = OperatorOrder.from_line(line_of(connection, time.monotonic() + LIMIT, LONGEST))
        except TimeoutError:
            return self._refused(caller, f"no order came within {LIMIT:g} s")
        except ValueError as error:
            return self._refused(caller, str(error))
        errand = _Errand(lambda: self._obey(order, str(caller)))
        self._ask(errand.run)
        reply = errand.answer(LONG_PATIENCE if order.ask == "pin" else PATIENCE)
        if not reply.done:
            its = {"ask": order.ask, "what": order.what, "why": order.why}
            self._refusals.tell(str(caller), reply.text, **its)
        return reply

    def _refused(self, caller: Caller, why: str) -> OrderReply:
        self._refusals.tell(str(caller), why)
        return OrderReply(False, why)
