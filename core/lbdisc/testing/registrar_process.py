"""A registrar in a process of its own, which can be killed, stopped and woken like a host.

``python -m lbdisc.testing.registrar_process`` reads JSON on standard input: ``name``, ``settings``,
``endpoint``, ``plugin`` and ``owner``; it holds the endpoint until SIGTERM, by the loop of the
core, from SIGUSR1 on as draining.
"""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

from lbdisc.abilities import Reclaims
from lbdisc.errors import LbdiscError
from lbdisc.register.holding import End, Holder
from lbdisc.testing.offers import make_registrar
from lbdisc.testing.roles import HANG, PACE
from lbdisc.values import Endpoint

BEGUN = b"holding\n"


class RegistrarProcess:
    """Has begun to hold when this is made; ``crash``, ``pause`` and ``resume`` happen to hosts.

    Raises ``AssertionError`` with the tail of ``log`` if it ends before.
    """

    def __init__(
        self,
        name: str,
        settings: Mapping[str, object],
        endpoint: Endpoint,
        *,
        log: Path,
        plugin: str = "",
        owner: str = "",
    ) -> None:
        order = {
            "name": name,
            "settings": dict(settings),
            "endpoint": dataclasses.asdict(endpoint),
            "plugin": plugin,
            "owner": owner,
        }
        self.endpoint = endpoint
        self.log = log
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "lbdisc.testing.registrar_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                start_new_session=True,
            )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        with self._child.stdin as order_for_child:
            order_for_child.write(json.dumps(order, default=str).encode())
        with self._child.stdout as word:
            if word.readline() != BEGUN:
                self.close()
                raise AssertionError(f"the registrar's process ended: {self.log_tail()}")

    def log_tail(self, size: int = 2000) -> str:
        return self.log.read_text(errors="replace")[-size:]

    @property
    def pid(self) -> int:
        return self._child.pid

    def crash(self) -> None:
        """kill -9."""
        self._child.kill()
        self._child.wait(10)

    def pause(self) -> None:
        """SIGSTOP: it is there, but does nothing."""
        self._child.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT: it goes on as if no time had passed."""
        self._child.send_signal(signal.SIGCONT)

    def drain(self) -> None:
        """SIGUSR1: from now on its endpoint is draining."""
        self._child.send_signal(signal.SIGUSR1)

    def stop(self) -> int:
        """SIGTERM: it leaves; returns the exit code."""
        self.resume()
        self._child.terminate()
        return self._child.wait(15)

    def close(self) -> None:
        """End it however it is."""
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def main() -> None:
    order: dict[str, Any] = json.load(sys.stdin)
    told: SimpleQueue[int] = SimpleQueue()  # its put is reentrant, as a signal handler needs
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, lambda got, _: told.put(got))
    endpoint = Endpoint(**order["endpoint"])
    registrar = make_registrar(order["name"], order["settings"], plugin=order["plugin"])
    if order["owner"] and isinstance(registrar, Reclaims):
        registrar.reclaim_as(order["owner"])
    holder = Holder(registrar, lambda: endpoint, _Said(), PACE)
    sys.stdout.buffer.write(BEGUN)
    sys.stdout.buffer.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nobody reads on: plugins log to the file
    holder.start()
    while told.get() == signal.SIGUSR1:
        holder.drain()
    holder.leave()
    holder.join(HANG)


class _Said:
    """What becomes of the endpoint, a line each."""

    def published(self, endpoint: Endpoint) -> None:
        sys.stderr.write(f"registered {endpoint}\n")

    def waiting(self, rival: str) -> None:
        sys.stderr.write(f"another holds this name: {rival}\n")

    def kept(self, endpoint: Endpoint) -> None:
        sys.stderr.write(f"still registered {endpoint}\n")

    def refused(self, error: LbdiscError, *, held: bool) -> None:
        sys.stderr.write(f"{error}\n")

    def left(self, end: End) -> None:
        sys.stderr.write(f"left: {end}\n")


if __name__ == "__main__":
    main()
