"""A real ZooKeeper whose nodes hold more than a record may: passed over, whatever they do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers import zookeeper
from lbdisc_lab.servers.zookeeper.editor import Editor
from lbdisc_lab.servers.zookeeper.roles import ZooKeeperWatching, settings_from
from lbdisc_zookeeper.settings import ZooKeeperSettings

RECORD = '{"address": "10.0.0.2", "port": 80}'
JUNK = b"x" * 1_000_000
MANY = 15


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zookeeper.ZooKeeperEnsemble]:
    with zookeeper.start(Path(tmp_path_factory.mktemp("zookeeper"))) as registry:
        yield registry


@pytest.fixture
def editor(registry: zookeeper.ZooKeeperEnsemble) -> Iterator[Editor]:
    with Editor(registry.hosts) as editor:
        yield editor
        editor.kazoo.delete("/lbdisc", recursive=True)


@pytest.fixture
def settings(registry: zookeeper.ZooKeeperEnsemble) -> ZooKeeperSettings:
    return settings_from(registry.settings, reconcile_every=1.0)


def test_nodes_that_are_too_large_are_named_with_their_size(
    settings: ZooKeeperSettings, editor: Editor
) -> None:
    editor.put("/lbdisc/web/a", RECORD)
    for number in range(MANY):
        editor.put(f"/lbdisc/web/junk{number}", JUNK)
    with ZooKeeperWatching(settings) as watching:
        problems = watching.until_names("a").problems
        assert len(problems) == MANY
        assert {problem.what for problem in problems} == {"1000000 bytes: at most 65536"}


def test_node_that_becomes_too_large_is_left_out_until_it_is_mended(
    settings: ZooKeeperSettings, editor: Editor
) -> None:
    editor.put("/lbdisc/web/a", RECORD)
    with ZooKeeperWatching(settings) as watching:
        watching.until_names("a")
        for turn in range(3):
            editor.put("/lbdisc/web/a", JUNK + b"x" * turn)
            watching.until_names()
        editor.put("/lbdisc/web/a", RECORD)
        watching.until(lambda shot: len(shot) == 1 and not shot.problems)


def test_refused_node_that_is_removed_is_no_problem_any_more(
    settings: ZooKeeperSettings, editor: Editor
) -> None:
    editor.put("/lbdisc/web/a", RECORD)
    editor.put("/lbdisc/web/junk", JUNK)
    with ZooKeeperWatching(settings) as watching:
        watching.until(lambda shot: len(shot.problems) == 1)
        editor.kazoo.delete("/lbdisc/web/junk")
        watching.until(lambda shot: not shot.problems and len(shot) == 1)


def test_slow_reading_goes_beside_the_news(settings: ZooKeeperSettings, editor: Editor) -> None:
    editor.put("/lbdisc/web/a", RECORD)
    editor.put_many([f"/lbdisc/web/junk{number}" for number in range(2000)], "no record")
    with ZooKeeperWatching(settings) as watching:
        watching.until(lambda shot: len(shot.problems) == 2000)
        for turn in range(10):
            editor.put(f"/lbdisc/other/n{turn}", RECORD)
            watching.until_names("a", *(f"n{number}" for number in range(turn + 1)))
        assert watching.errors == []


def test_nodes_of_every_kind_are_read(settings: ZooKeeperSettings, editor: Editor) -> None:
    editor.put("/lbdisc/web/a", RECORD)
    editor.kazoo.create("/lbdisc/web/seq-", RECORD.encode(), sequence=True)
    editor.kazoo.create("/lbdisc/web/short", RECORD.encode(), ephemeral=True)
    editor.put("/lbdisc/web/a/below", RECORD)
    with ZooKeeperWatching(settings) as watching:
        eventually(lambda: watching.seen and len(watching.last) == 3)
        assert watching.last.problems == ()
