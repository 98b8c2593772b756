"""Another history at the same addresses: what is there counts, not what was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint
from lbdisc_lab.servers import zookeeper
from lbdisc_lab.servers.zookeeper.editor import Editor
from lbdisc_lab.servers.zookeeper.roles import ZooKeeperWatching, holding, settings_from

RECORD = b'{"address": "10.0.0.7", "port": 3000}'
A = Endpoint(service="web", name="a", address="10.0.0.8", port=3000)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[zookeeper.ZooKeeperEnsemble]:
    with zookeeper.start(tmp_path / "zk") as registry:
        yield registry


def put(registry: zookeeper.ZooKeeperEnsemble, *names: str) -> None:
    with Editor(registry.plain_hosts) as editor:
        for name in names:
            editor.put(f"/lbdisc/web/{name}", RECORD)


@pytest.mark.timeout(120)
def test_restored_ensemble_that_others_wrote_to_is_read_anew(
    registry: zookeeper.ZooKeeperEnsemble,
) -> None:
    put(registry, "s1", "s2")
    backup = registry.backup()
    with ZooKeeperWatching(settings_from(registry.settings)) as watching:
        put(registry, "s3")
        with Editor(registry.plain_hosts) as editor:
            editor.remove("/lbdisc/web/s1")
        watching.until_names("s2", "s3")
        registry.restore(backup)
        for _ in range(20):
            put(registry, "other")
        watching.until_names("other", "s1", "s2")
        put(registry, "s9")
        watching.until_names("other", "s1", "s2", "s9")


@pytest.mark.timeout(120)
def test_entry_is_back_in_a_restored_ensemble(registry: zookeeper.ZooKeeperEnsemble) -> None:
    """The backup has it as it was before, by the session it has now."""
    settings = settings_from(registry.settings)
    with ZooKeeperWatching(settings) as watching, holding(settings, A) as held:
        watching.until_names("a")
        backup = registry.backup()
        held.change(weight=7)
        watching.until_weights(7)
        registry.restore(backup)
        put(registry, "other")
        watching.until_weights(7, 100)
        eventually(lambda: held.published)
