"""What is in files: digests, when a file is left alone, and where a change may come from."""

import os
from pathlib import Path

from lbdisc.haproxy.beside.contents import ABSENT, SETTLE, UNREAD, Digests, folders_of
from lbdisc.testing.waiting import eventually


def test_a_file_counts_by_what_it_holds(tmp_path: Path) -> None:
    digests, path = Digests(), tmp_path / "a"
    assert digests.of([path]) == {path: ABSENT}
    path.write_text("one")
    (one,) = digests.of([path]).values()
    os.utime(path, (1, 1))
    assert digests.of([path]) == {path: one}
    path.write_text("two")
    assert digests.of([path]) != {path: one}
    path.unlink()
    path.mkdir()
    assert digests.of([path])[path].startswith(UNREAD)


def test_a_change_is_left_alone_for_a_while(tmp_path: Path) -> None:
    digests, path = Digests(), tmp_path / "a"
    path.write_text("one")
    digests.of([path])
    assert 0 < digests.restless([path]) <= SETTLE
    eventually(lambda: digests.of([path]) and not digests.restless([path]))
    path.write_text("two")
    digests.of([path])
    assert digests.restless([path]) > 0


def test_a_file_that_is_open_for_writing_is_not_whole(tmp_path: Path) -> None:
    digests, path = Digests(), tmp_path / "a"
    with path.open("w") as file:
        file.write("half")
        file.flush()
        digests.of([path])
        eventually(lambda: digests.restless([path]) == SETTLE)
        assert digests.restless([path]) == SETTLE
    assert digests.restless([path]) == 0


def test_every_link_on_the_way_may_lead_elsewhere(tmp_path: Path) -> None:
    for name in ("live", "archive", "mounted/v1"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "archive/1.pem").touch()
    (tmp_path / "live/site.pem").symlink_to("../archive/1.pem")
    (tmp_path / "mounted/..data").symlink_to("v1")
    (tmp_path / "mounted/v1/a").touch()
    (tmp_path / "mounted/a").symlink_to("..data/a")
    found = folders_of([tmp_path / "live/site.pem", tmp_path / "mounted/a"])
    assert {str(path.relative_to(tmp_path)) for path in found} == {
        *("live", "archive", "mounted", "mounted/v1"),
    }
    (tmp_path / "loop").symlink_to("loop")
    assert tmp_path in folders_of([tmp_path / "loop"])
