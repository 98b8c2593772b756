"""Real Serf agents on loopback, and what their logs say when."""

import os
import re
import selectors
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

from lbdisc_compare.simulation.wires import WireCount, sent
from lbdisc_lab.servers.serf import free_network

TOLD = re.compile(rb"serf: EventMember(Join|Failed|Leave): (\S+)")
FORMING = 120.0  # seconds that a cluster may take until all know all
STARTING = 20  # agents that start at a time


class RealGossip:
    """``members`` Serf agents of one profile that know each other, in a ``with`` block.

    Raises ``RuntimeError`` where they do not come together. Lines of their logs are stamped as they
    are read, within a few milliseconds.
    """

    def __init__(self, profile: str, members: int) -> None:
        self._profile = profile
        self._network = free_network()
        self._agents: dict[str, subprocess.Popen[bytes]] = {}
        self._heard: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
        self._lock = Lock()
        self._selector = selectors.DefaultSelector()
        self._done = Event()
        self._reader = Thread(target=self._read, daemon=True)
        self.names = [f"node-{number:05d}" for number in range(members)]

    def __enter__(self) -> Self:
        self._reader.start()
        try:
            for number, name in enumerate(self.names):
                self.start(name)
                if number % STARTING == STARTING - 1:
                    time.sleep(1.0)
            self.until(lambda: all(self._all_heard("Join", name) for name in self.names), FORMING)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        for name in list(self._agents):
            self.kill(name)
        self._done.set()
        self._reader.join(5.0)
        self._selector.close()

    def address(self, name: str) -> str:
        return f"{self._network}.{int(name[-5:]) % 240 + 1}"

    def start(self, name: str) -> None:
        """Start the agent ``name``; it joins by the first one."""
        binary = shutil.which("serf")
        if binary is None:
            raise RuntimeError("serf is missing: install the Debian package serf")
        address = self.address(name)
        words = [binary, "agent", f"-node={name}", f"-bind={address}", f"-profile={self._profile}"]
        words += [f"-rpc-addr={address}:7373", "-tag", "lbdisc.nodes=3000", "-log-level=info"]
        if name != self.names[0]:
            words += [f"-retry-join={self.address(self.names[0])}", "-retry-interval=1s"]
        agent = subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "GOMAXPROCS": "1"},
        )
        self._agents[name] = agent
        assert agent.stdout is not None
        os.set_blocking(agent.stdout.fileno(), False)
        self._selector.register(agent.stdout, selectors.EVENT_READ, name)

    def kill(self, name: str) -> float:
        """kill -9; returns when."""
        agent = self._agents.pop(name)
        at = time.monotonic()
        agent.kill()
        agent.wait()
        return at

    def forget(self, name: str) -> None:
        """What was heard of ``name`` so far does not count."""
        with self._lock:
            for key in [key for key in self._heard if key[1] == name]:
                del self._heard[key]

    def heard(self, what: str, name: str) -> list[float]:
        """When the agents that run said ``what`` of ``name``, sorted."""
        with self._lock:
            said = self._heard[what, name]
            return sorted(at for who, at in said.items() if who in self._agents and who != name)

    def _all_heard(self, what: str, name: str) -> bool:
        return len(self.heard(what, name)) >= len(self._agents.keys() - {name})

    def all_hear(self, what: str, name: str, deadline: float) -> list[float]:
        """Wait until all have; raises ``RuntimeError`` after ``deadline`` seconds."""
        self.until(lambda: self._all_heard(what, name), deadline)
        return self.heard(what, name)

    def until(self, true: Callable[[], bool], deadline: float) -> None:
        end = time.monotonic() + deadline
        while not true():
            if time.monotonic() > end:
                raise RuntimeError(f"the Serf agents did not agree within {deadline:.0f} s")
            time.sleep(0.05)

    def traffic(self, seconds: float) -> tuple[WireCount, WireCount]:
        """The counters before and after ``seconds`` in which nothing is done."""
        before = sent()
        time.sleep(seconds)
        return before, sent()

    def _read(self) -> None:
        left: dict[str, bytes] = defaultdict(bytes)
        while not self._done.is_set():
            for key, _ in self._selector.select(0.2):
                text = b""
                with suppress(BlockingIOError):
                    text = os.read(key.fd, 65_536)
                if not text:
                    self._selector.unregister(key.fileobj)
                    continue
                at = time.monotonic()
                *lines, left[key.data] = (left[key.data] + text).split(b"\n")
                self._take(key.data, lines, at)

    def _take(self, who: str, lines: list[bytes], at: float) -> None:
        with self._lock:
            for line in lines:
                if (told := TOLD.search(line)) is not None:
                    what, name = (word.decode() for word in told.groups())
                    self._heard[what, name].setdefault(who, at)
