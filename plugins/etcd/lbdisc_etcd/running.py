"""A discovery and a registrar running in threads as in the agent, for tests on real clusters."""

import threading
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from lbdisc.configuration import load
from lbdisc.errors import DiscoveryError, LbdiscError, RegistrarError
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint, Snapshot
from lbdisc_etcd.discovery import EtcdDiscovery
from lbdisc_etcd.registrar import EtcdRegistrar
from lbdisc_etcd.settings import EtcdSettings

PAUSE = 0.1  # seconds between two calls, as the agent backs off


def settings_of(flags: dict[str, object], **changes: object) -> EtcdSettings:
    """``[etcd]`` as the agent reads it from ``flags``, with ``changes`` by field name."""
    keyed = {f"etcd.{name}": value for name, value in changes.items()}
    filled = load({"etcd": EtcdSettings}, flags=flags | keyed, environment={})
    found: EtcdSettings = filled.table("etcd")
    return found


class _Running:
    """Calls ``again`` until ``stop``; failures that the core would retry are kept in ``errors``.

    ``ended`` is the exception that ended it, if any other did.
    """

    retried: type[LbdiscError]

    def __init__(self) -> None:
        self.stop_event = threading.Event()
        self.errors: list[LbdiscError] = []
        self.ended: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=type(self).__name__)

    def again(self) -> None:
        raise NotImplementedError

    def _run(self) -> None:
        while not self.stop_event.is_set():
            try:
                self.again()
                return
            except self.retried as error:
                self.errors.append(error)
                self.stop_event.wait(PAUSE)
            except BaseException as error:  # noqa: BLE001 - shown by the test
                self.ended = error
                return

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self, deadline: float = 10.0) -> None:
        self.stop_event.set()
        self._thread.join(deadline)
        assert not self.alive, f"{type(self).__name__} did not stop"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class Watching(_Running):
    """Keeps every published snapshot in ``seen``."""

    retried = DiscoveryError

    def __init__(self, settings: EtcdSettings) -> None:
        super().__init__()
        self.discovery = EtcdDiscovery(settings)
        self.seen: list[Snapshot] = []

    def again(self) -> None:
        self.discovery.watch(self.seen.append, self.stop_event)

    @property
    def names(self) -> list[str]:
        """``service/name`` of the newest snapshot."""
        return [f"{e.service}/{e.name}" for e in self.seen[-1].endpoints] if self.seen else ["?"]

    def shows(self, *names: str, deadline: float = 30.0) -> Snapshot:
        """Wait until the newest snapshot holds just these; returns it."""
        wanted = sorted(names)
        eventually(lambda: self.names == wanted, deadline=deadline, what=f"{wanted}")
        return self.seen[-1]

    def weighs(self, *weights: int, deadline: float = 30.0) -> Snapshot:
        """Wait until the endpoints of the newest snapshot have these weights; returns it."""

        def check(snapshot: Snapshot) -> bool:
            return [endpoint.weight for endpoint in snapshot.endpoints] == [*weights]

        return self.until(check, deadline=deadline)

    def until(self, check: Callable[[Snapshot], bool], *, deadline: float = 30.0) -> Snapshot:
        """Wait for a newest snapshot that passes ``check``; returns it."""
        eventually(lambda: self.seen and check(self.seen[-1]), deadline=deadline, what="snapshot")
        return self.seen[-1]


class Holding(_Running):
    """Holds an endpoint that a test may ``change``."""

    retried = RegistrarError

    def __init__(self, settings: EtcdSettings, endpoint: Endpoint) -> None:
        super().__init__()
        self.registrar = EtcdRegistrar(settings)
        self.endpoint = endpoint

    def again(self) -> None:
        self.registrar.hold(lambda: self.endpoint, self.stop_event)

    def change(self, **changes: Any) -> None:
        self.endpoint = replace(self.endpoint, **changes)
