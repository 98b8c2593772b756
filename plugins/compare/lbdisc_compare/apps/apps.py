"""The web apps of the nodes that a client joins: one process on each network."""

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from lbdisc.environment import for_child
from lbdisc.errors import LbdiscError
from lbdisc_compare.hosts.host import Host

RESPONDER = Path(__file__).with_name("responder.py")


def app_command(name: str, host: Host, port: int) -> list[str]:
    """The command line of one node's app, in a process of its own; run on ``host``."""
    return [sys.executable, str(RESPONDER), f"{name}={host.address}:{port}"]


class NodeApps:
    """Apps by the nodes' names. Hosts without a network of their own share one process."""

    def __init__(self) -> None:
        self._children: dict[tuple[str, ...], subprocess.Popen[str]] = {}
        self._open: dict[str, tuple[str, ...]] = {}

    def open(self, name: str, host: Host, port: int) -> None:
        """It answers from now on; nothing happens if it does. Raises ``LbdiscError``."""
        if name not in self._open:
            self._tell(host.prefix, f"open {name} {host.address} {port}")
            self._open[name] = host.prefix

    def close(self, name: str) -> None:
        """End the app and its connections."""
        self._tell(self._open.pop(name), f"close {name}")

    @property
    def pids(self) -> list[int]:
        return [child.pid for child in self._children.values()]

    def _tell(self, prefix: tuple[str, ...], order: str) -> None:
        child = self._children.get(prefix) or self._started(prefix)
        assert child.stdin is not None
        child.stdin.write(f"{order}\n")
        child.stdin.flush()
        _heed(child, order)

    def _started(self, prefix: tuple[str, ...]) -> "subprocess.Popen[str]":
        child = subprocess.Popen(
            [*prefix, sys.executable, str(RESPONDER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=for_child(),
        )
        self._children[prefix] = child
        _heed(child, "start")
        return child

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for child in self._children.values():
            child.kill()
            child.communicate()


def _heed(child: "subprocess.Popen[str]", order: str) -> None:
    assert child.stdout is not None
    answer = child.stdout.readline().strip()
    if not answer.startswith("ok"):
        raise LbdiscError(f"the web apps did not {order}: {answer or 'they ended'}")
