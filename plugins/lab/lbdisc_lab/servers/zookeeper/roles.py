"""The discovery and the registrar in threads of their own, for tests that look at what they do."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from pydantic import SecretStr

from lbdisc.errors import LbdiscError
from lbdisc.testing.roles import Holding
from lbdisc.testing.waiting import DEADLINE, eventually
from lbdisc.values import Endpoint, Snapshot
from lbdisc_zookeeper.discovery import ZooKeeperDiscovery
from lbdisc_zookeeper.registrar import ZooKeeperRegistrar
from lbdisc_zookeeper.settings import ZooKeeperSettings

_PATHS = ("ca_file", "cert_file", "key_file")
_SECRETS = ("sasl_password", "digest_password")


def settings_from(dotted: Mapping[str, object], **changes: Any) -> ZooKeeperSettings:
    """The settings that ``Registry.settings`` stands for, with ``changes``."""
    table: dict[str, Any] = {key.removeprefix("zookeeper."): v for key, v in dotted.items()}
    for name in _PATHS:
        table |= {name: Path(table[name])} if name in table else {}
    for name in _SECRETS:
        table |= {name: SecretStr(table[name])} if name in table else {}
    table["hosts"] = tuple(table["hosts"])
    return replace(ZooKeeperSettings(**table), **changes)


class _Running:
    """Calls ``work`` in a thread, again after every error, as the core does."""

    def __init__(self) -> None:
        self.stop = Event()
        self.errors: list[LbdiscError] = []
        self.thread = Thread(target=self._run, name=type(self).__name__)

    def work(self) -> None:
        raise NotImplementedError

    def _run(self) -> None:
        while not self.stop.is_set():
            try:
                self.work()
            except LbdiscError as error:
                self.errors.append(error)
                self.stop.wait(0.1)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def end(self) -> None:
        self.stop.set()
        self.thread.join(DEADLINE)
        assert not self.thread.is_alive(), "it did not stop"


class ZooKeeperWatching(_Running):
    """The discovery; ``seen`` holds all that it published."""

    def __init__(self, settings: ZooKeeperSettings) -> None:
        super().__init__()
        self.seen: list[Snapshot] = []
        self.revisions: list[str] = []
        self._discovery = ZooKeeperDiscovery(settings)

    def work(self) -> None:
        def publish(snapshot: Snapshot, *, revision: str = "", **_said: object) -> None:
            self.seen.append(snapshot)
            self.revisions.append(revision)

        self._discovery.watch(publish, self.stop)

    @property
    def last(self) -> Snapshot:
        return self.seen[-1]

    @property
    def names(self) -> list[str]:
        """The names in the last snapshot."""
        return [endpoint.name for endpoint in self.last.endpoints]

    def until(self, true: Callable[[Snapshot], object], *, deadline: float = DEADLINE) -> Snapshot:
        """Wait until the last snapshot makes ``true`` true, and return it."""
        eventually(lambda: self.seen and true(self.last), deadline=deadline, what="snapshot")
        return self.last

    def until_names(self, *names: str, deadline: float = DEADLINE) -> Snapshot:
        """Wait until exactly ``names`` are there."""
        wanted = sorted(names)
        return self.until(
            lambda s: sorted(e.name for e in s.endpoints) == wanted, deadline=deadline
        )

    def until_services(self, *services: str) -> Snapshot:
        """Wait until exactly ``services`` have endpoints."""
        return self.until(lambda s: list(s.services) == sorted(services))

    def until_weights(self, *weights: int) -> Snapshot:
        """Wait until the endpoints, by name, have exactly these weights."""
        return self.until(lambda s: tuple(e.weight for e in s.endpoints) == weights)


def holding(settings: ZooKeeperSettings, endpoint: Endpoint) -> Holding:
    """The registrar, held by the loop of the core."""
    return Holding(ZooKeeperRegistrar(settings), endpoint)
