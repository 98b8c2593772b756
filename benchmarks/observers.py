"""Who sees a node come and go, and when: a discovery of lbdisc, and the registry's raw client."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self

from kazoo.client import KazooClient

from lbdisc.errors import DiscoveryError
from lbdisc.testing.offers import make_discovery
from lbdisc.testing.waiting import eventually
from lbdisc.values import Snapshot


class Observer:
    """Notes when names are there for the first time, and when they no longer serve."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._here: set[str] = set()
        self.came: dict[str, float] = {}
        self.went: dict[str, float] = {}

    def saw(self, here: set[str]) -> None:
        """These are there now, and no others."""
        now = time.monotonic()
        with self._lock:
            self.came.update((name, now) for name in here - self._here)
            self.went.update((name, now) for name in self._here - here)
            self._here = here

    def saw_one(self, name: str, here: bool) -> None:
        self.saw(self._here | {name} if here else self._here - {name})

    def until_came(self, name: str) -> float:
        eventually(lambda: name in self.came, deadline=60, every=0.005, what=f"{name} to come")
        return self.came[name]

    def until_went(self, name: str) -> float:
        eventually(lambda: name in self.went, deadline=60, every=0.005, what=f"{name} to go")
        return self.went[name]

    def close(self) -> None:
        """Stop observing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Ours(Observer):
    """A discovery in this process, called again after an error as the core does."""

    def __init__(self, backend: str, settings: Mapping[str, object]) -> None:
        super().__init__()
        self._stop, self._first = Event(), Event()
        self._discovery = make_discovery(backend, settings)
        self._thread = Thread(target=self._watch, daemon=True)
        self._thread.start()
        if not self._first.wait(30):
            raise RuntimeError(f"{backend} published nothing")

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                self._discovery.watch(self._publish, self._stop)
            except DiscoveryError:
                self._stop.wait(0.2)  # agent.retry_first

    def _publish(self, snapshot: Snapshot, **_said: object) -> None:
        self.saw({e.name for e in snapshot.public.endpoints if not e.draining})
        self._first.set()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)


class Lines(Observer):
    """A command whose output tells; ``read`` takes a line, and the observer to tell it to."""

    def __init__(self, command: list[str], read: Callable[["Lines", str], None]) -> None:
        super().__init__()
        self.kind = ""
        self._read = read
        self._child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._thread = Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self._read(self, line.strip())

    def close(self) -> None:
        self._child.kill()
        self._child.wait()
        self._thread.join(5)


def etcdctl(settings: Mapping[str, Any]) -> Observer:
    """``etcdctl watch``: a kind, a key and a record, a line each."""

    def read(lines: Lines, line: str) -> None:
        if line in ("PUT", "DELETE"):
            lines.kind = line
        elif line.startswith("/lbdisc/nodes/") and lines.kind == "DELETE":
            lines.saw_one(line.rpartition("/")[2], False)
        elif line.startswith("/lbdisc/nodes/"):
            lines.kind = line.rpartition("/")[2]
        elif line.startswith("{"):
            lines.saw_one(lines.kind, json.loads(line).get("state") != "draining")

    where = ",".join(settings["etcd.endpoints"])
    command = ["etcdctl", f"--endpoints={where}", "watch", "--prefix", "/lbdisc/nodes/"]
    return Lines(command, read)


def monitor(settings: Mapping[str, Any]) -> Observer:
    """``serf monitor``: the log of the agent, which tells a member before its events do."""

    def read(lines: Lines, line: str) -> None:
        _, _, event = line.partition("EventMember")
        words = event.split()
        if len(words) > 1 and words[0] in ("Join:", "Leave:", "Failed:"):
            lines.saw_one(words[1], words[0] == "Join:")

    return Lines(["serf", "monitor", f"-rpc-addr={settings['serf.rpc']}"], read)


class Kazoo(Observer):
    """kazoo's ``ChildrenWatch`` on the service."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__()
        self._client = KazooClient(hosts=",".join(settings["zookeeper.hosts"]))
        self._client.start()
        self._client.ensure_path("/lbdisc/nodes")
        self._client.ChildrenWatch("/lbdisc/nodes", lambda names: self.saw(set(names)))

    def close(self) -> None:
        self._client.stop()
        self._client.close()


class Polled(Observer):
    """The names in a folder, listed every two milliseconds."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__()
        self._folder = Path(settings["file.dir"]) / "nodes"
        self._stop = Event()
        self._thread = Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        while not self._stop.wait(0.002):
            if self._folder.is_dir():
                names = os.listdir(self._folder)  # noqa: PTH208 - the quickest way to ask
                here = {name.removesuffix(".json") for name in names if not name.startswith(".")}
                self.saw(here)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
