"""Links and odd files in a folder of nodes: a ConfigMap's are followed, no others."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.builtin.file.discovery import FileDiscovery
from lbdisc.builtin.file.folder import Folder
from lbdisc.builtin.file.settings import FileSettings
from lbdisc.testing import Watching
from lbdisc.testing.waiting import DEADLINE
from lbdisc.values import Snapshot
from support.users import ONLY_ROOT, STRANGER, open_folder, ran_by

RECORD = '{"address": "10.0.0.7", "port": 80}'
SECRET = "root:$6$hunter2:19000:0:99999:7:::"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "nodes"
    (path / "web").mkdir(parents=True)
    return path


@pytest.fixture
def watching(folder: Path) -> Iterator[Watching]:
    with Watching(FileDiscovery(FileSettings(dir=folder, rescan=600.0))) as watching:
        watching.until(lambda _: True, deadline=10)
        yield watching


def listed(folder: Path) -> Snapshot:
    content = Folder(FileSettings(dir=folder))
    content.scan()
    return content.snapshot()


def said(folder: Path) -> str:
    """What is wrong with the one file that is."""
    found = listed(folder)
    assert found.endpoints == ()
    (problem,) = found.problems
    return problem.what


@pytest.mark.parametrize("name", ["s1", "s1.json"])
@pytest.mark.parametrize("content", [SECRET, "s1", "-----BEGIN hunter2", "\xff hunter2", "[1]"])
def test_what_is_no_record_is_never_quoted(folder: Path, name: str, content: str) -> None:
    (folder / "web" / name).write_text(content, encoding="latin-1")
    assert "hunter2" not in said(folder)
    assert "6$" not in said(folder)


@pytest.mark.parametrize("content", [SECRET, RECORD])
def test_a_link_out_of_the_folder_is_a_problem(folder: Path, content: str) -> None:
    outside = folder.parent / "outside"
    outside.write_text(content)
    (folder / "web" / "s1.json").symlink_to(outside)
    assert said(folder) == "a link that leads out of the folder: put the file itself there"


def test_a_way_out_through_a_linked_folder_is_one_too(folder: Path) -> None:
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "s1.json").write_text(RECORD)
    (folder / "..data").symlink_to(outside)
    (folder / "web" / "s1.json").symlink_to("../..data/s1.json")
    (folder / "more").symlink_to("..data")
    assert listed(folder).endpoints == ()


def mounted(folder: Path, *names: str, data: str = "..2026") -> None:
    """As kubelet lays out a ConfigMap (AtomicWriter)."""
    for name in names:
        (folder / data / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / data / name).write_text(RECORD)
        first = name.split("/")[0]
        if not (folder / first).is_symlink():
            (folder / first).symlink_to(f"..data/{first}")
    (folder / "..data_tmp").symlink_to(data)
    (folder / "..data_tmp").replace(folder / "..data")


def test_a_configmap_with_folders_in_it_is_read(folder: Path) -> None:
    mounted(folder, "api/s1.json", "s2.json")
    mounted(folder / "web", "s3.json")
    found = listed(folder)
    assert [(e.service, e.name) for e in found.endpoints] == [
        ("api", "s1"),
        ("nodes", "s2"),
        ("web", "s3"),
    ]
    assert found.problems == ()


def test_a_configmap_that_is_replaced_is_seen(folder: Path, watching: Watching) -> None:
    mounted(folder, "api/s1.json")
    watching.until(lambda s: [e.name for e in s.endpoints] == ["s1"], deadline=DEADLINE)
    mounted(folder, "api/s2.json", data="..2027")
    watching.until(lambda s: [e.name for e in s.endpoints] == ["s2"], deadline=DEADLINE)


@pytest.mark.parametrize("target", ["web", ".", "..", "/etc"])
def test_a_linked_folder_of_a_service_is_a_problem(folder: Path, target: str) -> None:
    (folder / "web" / "s1.json").write_text(RECORD)
    (folder / "alias").symlink_to(target)
    found = listed(folder)
    assert [(e.service, e.name) for e in found.endpoints] == [("web", "s1")]
    assert [(p.where, p.what) for p in found.problems] == [
        (str(folder / "alias"), "a link to a folder: the folder of a service is none, remove it")
    ]


def test_a_linked_folder_delays_no_change(folder: Path, watching: Watching) -> None:
    (folder / "alias").symlink_to("web")
    watching.until(lambda s: bool(s.problems), deadline=DEADLINE)
    (folder / "web" / "s1.json").write_text(RECORD)
    watching.until(lambda s: [e.name for e in s.endpoints] == ["s1"], deadline=DEADLINE)
    (folder / "alias").unlink()
    watching.until(lambda s: not s.problems, deadline=DEADLINE)


def test_a_link_to_ones_own_service_is_followed_to_a_file(folder: Path) -> None:
    (folder / "web" / "s1.json").write_text(RECORD)
    (folder / "web" / "s2.json").symlink_to("s1.json")
    assert [e.name for e in listed(folder).endpoints] == ["s1", "s2"]


def test_odd_files_are_problems_each(folder: Path) -> None:
    web = folder / "web"
    os.mkfifo(web / "fifo")
    (web / "link").symlink_to("fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(web / "socket"))
    (web / "loop").symlink_to("loop")
    with (web / "sparse.json").open("wb") as file:
        file.truncate(1 << 40)
    (web / "good.json").write_text(RECORD)
    found = listed(folder)
    assert [e.name for e in found.endpoints] == ["good"]
    assert {Path(p.where).name for p in found.problems} == {
        *("fifo", "link", "socket", "loop", "sparse.json")
    }


@ONLY_ROOT
@pytest.mark.parametrize("device", ["null", "zero"])
def test_no_device_is_opened(folder: Path, device: str) -> None:
    (folder / "web" / "s1").symlink_to(f"/dev/{device}")
    assert said(folder).startswith("a link that leads out")
    (folder / "web" / "s1").unlink()
    found = Path("/dev", device).stat()
    os.mknod(folder / "web" / "s1", found.st_mode, found.st_rdev)
    assert said(folder) == "no regular file"


def test_a_hard_link_shows_nothing_of_what_it_is(folder: Path) -> None:
    (folder.parent / "shadow").write_text(SECRET)
    (folder / "web" / "s1").hardlink_to(folder.parent / "shadow")
    assert said(folder) == "it is not the one line NAME ADDRESS [PORT]"


def test_a_file_that_grows_while_it_is_read_harms_no_other(
    folder: Path, watching: Watching
) -> None:
    with (folder / "web" / "log").open("w") as growing:
        for number in range(200):
            growing.write("x" * 4096)
            growing.flush()
            if number == 100:
                (folder / "web" / "s1.json").write_text(json.dumps({"address": "10.0.0.1"}))
        watching.until(lambda s: [e.name for e in s.endpoints] == ["s1"], deadline=DEADLINE)


@ONLY_ROOT
def test_a_file_that_we_may_not_read_is_its_own_problem() -> None:
    code = (
        "import sys, pathlib; from lbdisc.builtin.file.folder import Folder;"
        "from lbdisc.builtin.file.settings import FileSettings;"
        "found = Folder(FileSettings(dir=pathlib.Path(sys.argv[1]))); found.scan();"
        "print([e.name for e in found.snapshot().endpoints], found.snapshot().problems[0].what)"
    )
    with open_folder() as folder:
        (folder / "good.json").write_text(RECORD)
        (folder / "shut.json").write_text(RECORD)
        (folder / "shut.json").chmod(0o600)
        found = ran_by(STRANGER, code, folder)
    assert found.stdout == "['good'] Permission denied\n", found.stderr
