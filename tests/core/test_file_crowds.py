"""Bad files, leases and folders without end: one change costs what it changes."""

from pathlib import Path

import pytest

from lbdisc.builtin.file.discovery import FileDiscovery
from lbdisc.builtin.file.folder import Folder
from lbdisc.builtin.file.leases import INFINITE, Leases
from lbdisc.builtin.file.settings import FileSettings
from lbdisc.testing import Watching
from lbdisc.values import NAMED

RECORD = '{"address": "10.0.0.7", "port": 80}'


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[Folder]:
    """Each look at everything."""
    found: list[Folder] = []
    scan = Folder.scan

    def counted(folder: Folder) -> object:
        found.append(folder)
        return scan(folder)

    monkeypatch.setattr(Folder, "scan", counted)
    return found


def test_folders_that_come_and_go_are_looked_at_alone(tmp_path: Path, scans: list[Folder]) -> None:
    with Watching(FileDiscovery(FileSettings(dir=tmp_path, rescan=3600))) as watching:
        watching.until(lambda _: True, deadline=10)
        for number in range(200):
            folder = tmp_path / f"z{number % 7}"
            folder.mkdir()
            (folder / "x.json").write_text(RECORD)
            (folder / "x.json").unlink()
            folder.rmdir()
        (tmp_path / "web").mkdir()
        (tmp_path / "web" / "s1.json").write_text(RECORD)
        snapshot = watching.until(
            lambda s: [e.key for e in s.endpoints] == [("web", "s1")], deadline=10
        )
    assert snapshot.problems == ()
    assert len(scans) == 1


def test_a_folder_in_anothers_place_is_looked_at_alone(tmp_path: Path, scans: list[Folder]) -> None:
    for service, name in (("web", "s1"), (".new", "s2")):
        (tmp_path / service).mkdir()
        (tmp_path / service / f"{name}.json").write_text(RECORD)
    with Watching(FileDiscovery(FileSettings(dir=tmp_path, rescan=3600))) as watching:
        watching.until(len, deadline=10)
        (tmp_path / "web").rename(tmp_path / ".old")
        (tmp_path / ".new").rename(tmp_path / "web")
        watching.until(lambda s: [e.name for e in s.endpoints] == ["s2"], deadline=10)
        (tmp_path / ".old" / "s3.json").write_text(RECORD)
        (tmp_path / "web" / "s4.json").write_text(RECORD)
        watching.until(lambda s: [e.name for e in s.endpoints] == ["s2", "s4"], deadline=10)
    assert len(scans) == 1


def test_a_lease_without_length_makes_nobody_look_at_everything(
    tmp_path: Path, scans: list[Folder]
) -> None:
    short = '{"address": "10.0.0.8", "port": 80, "ttl": 0.001}'
    with Watching(FileDiscovery(FileSettings(dir=tmp_path, rescan=3600))) as watching:
        watching.until(lambda _: True, deadline=10)
        for _ in range(100):
            (tmp_path / "short.json").write_text(short)
        (tmp_path / "good.json").write_text(RECORD)
        watching.until(lambda s: [e.name for e in s.endpoints] == ["good"], deadline=10)
    assert len(scans) == 1


def test_bad_files_are_counted_and_good_ones_go_on(tmp_path: Path) -> None:
    for number in range(1000):
        (tmp_path / f"bad-{number}.json").write_text("{")
    folder = Folder(FileSettings(dir=tmp_path))
    folder.scan()
    snapshot = folder.snapshot()
    assert (len(snapshot.problems), snapshot.more) == (NAMED, 1000 - NAMED)
    (tmp_path / "good.json").write_text(RECORD)
    folder.look(tmp_path / "good.json")
    assert [e.name for e in folder.snapshot().endpoints] == ["good"]
    assert folder.reads == 1001


def test_a_second_file_is_a_problem_until_one_of_them_goes(tmp_path: Path) -> None:
    folder = Folder(FileSettings(dir=tmp_path))
    for name, text in (("s1.json", RECORD), ("s1", "s1 10.0.0.9")):
        (tmp_path / name).write_text(text)
        folder.look(tmp_path / name)
    both = folder.snapshot()
    what = "a second file for nodes/s1, which 's1.json' has: remove one"
    assert [problem.what for problem in both.problems] == [what]
    (tmp_path / "s1").unlink()
    folder.look(tmp_path / "s1")
    one = folder.snapshot()
    assert (one.endpoints[0].address, one.problems) == ("10.0.0.7", ())


def test_leases_that_are_renewed_without_end_are_kept_once() -> None:
    ends = {"a": 0.0, "b": INFINITE}
    leases = Leases(lambda path: ends.get(path, INFINITE))
    for number in range(100_000):
        ends["a"] = number + 5.0
        leases.add("a")
        leases.add("b")
    assert leases.over(100_003.9) == []
    assert leases.next == 100_004.0
    assert leases.over(100_004.0) == ["a"]
    assert leases.next == INFINITE
    assert len(leases._heap) < 5000
