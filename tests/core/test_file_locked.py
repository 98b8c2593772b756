"""What nobody but its owner may look at in a folder of nodes is a problem, and harms no other."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from support.users import ONLY_ROOT, STRANGER, open_folder, ran_by

pytestmark = ONLY_ROOT
RECORD = '{"address": "10.0.0.7", "port": 80}'
LOOKS = """
import sys
from pathlib import Path
from lbdisc.builtin.file.discovery import FileDiscovery
from lbdisc.builtin.file.settings import FileSettings
from lbdisc.testing import Watching

folder = Path(sys.argv[1])
with Watching(FileDiscovery(FileSettings(dir=folder, rescan=600.0))) as watching:
    watching.until(lambda shot: len(shot.problems) == 1, deadline=20)
    (folder / "web" / "s2.json").write_text((folder / "web" / "s1.json").read_text())
    watching.until(lambda shot: len(shot.endpoints) == 2 and len(shot.problems) == 1, deadline=20)
    assert not watching.errors
"""


def closed_folder(nodes: Path) -> None:
    (nodes / "locked").mkdir(mode=0)


def folder_without_names(nodes: Path) -> None:
    (nodes / "locked").mkdir()
    (nodes / "locked").chmod(0o711)


def closed_file(nodes: Path) -> None:
    (nodes / "web" / "locked.json").touch(mode=0)


def link_behind_a_closed_folder(nodes: Path) -> None:
    (nodes.parent / "closed").mkdir(mode=0)
    (nodes / "locked").symlink_to(nodes.parent / "closed" / "folder")


def link_in_a_circle(nodes: Path) -> None:
    (nodes / "locked").symlink_to("locked")


@pytest.mark.parametrize(
    "make",
    [
        closed_folder,
        folder_without_names,
        closed_file,
        link_behind_a_closed_folder,
        link_in_a_circle,
    ],
)
def test_what_may_not_be_looked_at_is_its_own_problem(make: Callable[[Path], None]) -> None:
    with open_folder() as folder:
        nodes = folder / "nodes"
        (nodes / "web").mkdir(parents=True)
        os.chown(nodes / "web", STRANGER, STRANGER)
        (nodes / "web" / "s1.json").write_text(RECORD)
        make(nodes)
        looked = ran_by(STRANGER, LOOKS, nodes)
        assert looked.returncode == 0, looked.stderr
