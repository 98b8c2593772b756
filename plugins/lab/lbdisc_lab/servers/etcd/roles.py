"""The kit's ``EtcdWatching`` and ``EtcdHolding`` on this backend, with words for its tests."""

import os
from collections.abc import Callable
from pathlib import Path

from lbdisc.settings.loading import load
from lbdisc.testing import roles
from lbdisc.values import Endpoint, Snapshot
from lbdisc_etcd.discovery import EtcdDiscovery
from lbdisc_etcd.registrar import EtcdRegistrar
from lbdisc_etcd.settings import EtcdSettings

PATIENCE = 30.0  # seconds; catches a hang, measures nothing


def settings_of(flags: dict[str, object], **changes: object) -> EtcdSettings:
    """``[etcd]`` as the agent reads it from ``flags``, with ``changes`` by field name."""
    keyed = {f"etcd.{name}": value for name, value in changes.items()}
    tables = {"etcd": EtcdSettings}
    filled = load(tables, file=Path(os.devnull), flags=flags | keyed, environment={})
    found: EtcdSettings = filled.table("etcd")
    return found


class EtcdWatching(roles.Watching):
    """Watches with ``settings``."""

    def __init__(self, settings: EtcdSettings) -> None:
        super().__init__(EtcdDiscovery(settings))

    @property
    def snapshots(self) -> list[Snapshot]:
        return self.seen.snapshots

    @property
    def sizes(self) -> list[int]:
        """How many endpoints each snapshot holds."""
        return [len(snapshot) for snapshot in self.snapshots]

    @property
    def states(self) -> list[list[str]]:
        """The states of the endpoints in each snapshot."""
        return [[endpoint.state for endpoint in shot.endpoints] for shot in self.snapshots]

    def shows(self, *names: str) -> Snapshot:
        """Wait until the newest snapshot holds just these ``service/name``; returns it."""
        return self.finds(lambda shot: [f"{e.service}/{e.name}" for e in shot.endpoints], names)

    def weighs(self, *weights: int) -> Snapshot:
        """Wait until the endpoints of the newest snapshot have these weights; returns it."""
        return self.finds(lambda shot: [e.weight for e in shot.endpoints], weights)

    def counts(self, number: int) -> Snapshot:
        """Wait until the newest snapshot holds that many endpoints; returns it."""
        return self.until(lambda shot: len(shot) == number, deadline=PATIENCE, what=f"{number}")

    def finds(
        self, what: Callable[[Snapshot], list[object]], wanted: tuple[object, ...]
    ) -> Snapshot:
        """Wait until ``what`` of the newest snapshot is as ``wanted``; returns it."""
        return self.until(lambda s: what(s) == [*wanted], deadline=PATIENCE, what=f"{wanted}")


class EtcdHolding(roles.Holding):
    """Holds with ``settings``."""

    def __init__(self, settings: EtcdSettings, endpoint: Endpoint) -> None:
        super().__init__(EtcdRegistrar(settings), endpoint)
