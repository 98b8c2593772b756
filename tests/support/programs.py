"""`lbdisc run` and `lbdisc register` with settings of their own each, and what they tell."""

import json
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lbdisc.testing.processes import Process
from lbdisc.testing.waiting import eventually
from support.logs import show_logs
from support.scene import LBDISC

# Nothing is ever left on a node: what it has applied it acknowledges.
LIGHT = {"reloader": "command", "command.reload": "true", "command.drained": "true"}


class Program:
    """One of them, and the events in its log."""

    def __init__(self, process: Process) -> None:
        self.process = process

    @property
    def events(self) -> list[dict[str, Any]]:
        lines = self.process.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def told(self, event: str) -> dict[str, Any]:
        """The last line that tells of ``event``, empty before."""
        return next((e for e in reversed(self.events) if e["event"] == event), {})

    def until(self, event: str) -> dict[str, Any]:
        """Wait for ``event``; returns the line that tells of it."""
        return eventually(lambda: self.told(event), deadline=60, what=event)


class Programs:
    """All end with the ``with`` block."""

    def __init__(self, folder: Path, settings: dict[str, object]) -> None:
        self.folder = folder
        self._settings = settings
        self._stack = ExitStack()
        self._count = 0

    def agent(self, name: str, **settings: object) -> Program:
        own = {"agent.name": name, **LIGHT, **settings}
        return self._begun("run", name, own)

    def node(self, name: str, **settings: object) -> Program:
        address = {"register.address": "10.0.0.7", "register.port": 3000, "register.name": name}
        return self._begun("register", name, {**address, "register.check": "none", **settings})

    def _begun(self, command: str, name: str, own: dict[str, object]) -> Program:
        common: dict[str, object] = {"log.format": "json", "state_dir": self.folder / name}
        sets = common | self._settings | own
        words = [w for key, v in sets.items() for w in ("--set", f"{key}={_text(v)}")]
        self._count += 1
        log = self.folder / f"{self._count}-{name}.log"
        return Program(self._stack.enter_context(Process([LBDISC, command, *words], log=log)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            show_logs(self.folder)
        self._stack.close()


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
