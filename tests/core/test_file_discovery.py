"""The folder of nodes: forms, oddities of file systems, leases, and what is read again."""

import errno
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbdisc.builtin.file.discovery import FileDiscovery
from lbdisc.builtin.file.folder import Folder
from lbdisc.builtin.file.settings import FileSettings
from lbdisc.errors import DiscoveryError, SettingsError
from lbdisc.notices import Notices
from lbdisc.testing import Watching
from lbdisc.testing.recorder import Recorder
from lbdisc.values import Endpoint, Snapshot

RECORD = '{"address": "10.0.0.7", "port": 80}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "nodes"
    path.mkdir()
    return path


@pytest.fixture
def watching(folder: Path) -> Iterator[Watching]:
    with Watching(FileDiscovery(FileSettings(dir=folder, rescan=60.0))) as watching:
        watching.until(lambda _: True, deadline=10)
        yield watching


def nothing_told(_: Notices, timeout: float) -> set[Path]:
    time.sleep(0.01)
    return set()


def listed(folder: Path) -> Snapshot:
    content = Folder(FileSettings(dir=folder))
    content.scan()
    return content.snapshot()


def test_lines_of_the_lab_are_read(folder: Path) -> None:
    (folder / "s1").write_text("s1 172.17.0.3\n")
    (folder / "s2").write_text("s2 172.17.0.4 8080\n")
    assert listed(folder).endpoints == (
        Endpoint(service="nodes", name="s1", address="172.17.0.3", port=3000),
        Endpoint(service="nodes", name="s2", address="172.17.0.4", port=8080),
    )


@pytest.mark.parametrize("place", ["s1.json", "nodes/s1.json"])
def test_a_record_may_stand_in_any_place(folder: Path, place: str) -> None:
    (folder / place).parent.mkdir(exist_ok=True)
    (folder / place).write_text(RECORD)
    assert listed(folder).endpoints == (
        Endpoint(service="nodes", name="s1", address="10.0.0.7", port=80),
    )


@pytest.mark.parametrize("place", ["s1", "nodes/s1", "tmpab12cd"])
def test_json_in_a_file_of_another_kind_is_a_problem(folder: Path, place: str) -> None:
    (folder / place).parent.mkdir(exist_ok=True)
    (folder / place).write_text(RECORD)
    found = listed(folder)
    assert found.endpoints == ()
    assert [p.where for p in found.problems] == [str(folder / place)]
    assert f"{Path(place).name}.json" in found.problems[0].what


PASSED_OVER = """
.s1.json .s1.json.swp .goutputstream-AB12CD .#s1.json ..data .nfs0000001 s1~ s1.json~ s1.json.~1~
#s1.json# 4913 lost+found __pycache__ s1.tmp s1.temp s1.bak s1.BAK s1.orig s1.rej s1.save s1.old
s1.swp s1.swo s1.part s1.partial s1.dpkg-old s1.dpkg-new s1.ucf-dist s1.rpmnew s1.rpmsave s1.rpmorig
s1.pacnew s1.json.bak s1.json.dpkg-old s1.json.rpmsave s1.json20261126-123-ab1 s1.json.disabled
"""


@pytest.mark.parametrize("name", PASSED_OVER.split())
@pytest.mark.parametrize("content", [RECORD, "half of a rec"])
def test_hidden_temporary_and_backup_files_are_passed_over(
    folder: Path, name: str, content: str
) -> None:
    (folder / name).write_text(content)
    found = listed(folder)
    assert (found.endpoints, found.problems) == ((), ())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("s1", "s1 10.0.0.7\nserver evil 10.6.6.6:80"),
        ("s1", "s1 10.0.0.7 80\n    server evil 10.6.6.6:80\n"),
        ("s1", "s2 10.0.0.7"),
        ("s1", "s1"),
        ("s1", ""),
        ("s1", "s1 10.0.0.7 80 check"),
        ("s1", "s1 10.0.0.7 99999"),
        ("s1", "s1 10.0.0.7 ٣٠"),
        ("s1", "s1\t10.0.0.7"),
        ("s1", "s1 999.0.0.7"),
        ("s1.json", "s1 10.0.0.7"),
        ("s1.json", '{"address": "10.0.0.7", "ttl": 0}'),
        ("s1.json", '{"address": "10.0.0.7", "ttl": NaN}'),
        ("s1.json", '{"address": "10.0.0.7", "ttl": true}'),
        ("s1.json", '{"address": "10.0.0.7", "owner": 7}'),
        ("s1.json", '{"address": "10.0.0.7", "tags": {"a": "b\\nserver evil 10.6.6.6:80"}}'),
        ("two words.json", RECORD),
    ],
)
def test_what_is_no_endpoint_is_a_problem_naming_the_file(
    folder: Path, name: str, content: str
) -> None:
    (folder / name).write_text(content)
    (folder / "good").write_text("good 10.0.0.8")
    found = listed(folder)
    assert [endpoint.name for endpoint in found.endpoints] == ["good"]
    assert [problem.where for problem in found.problems] == [str(folder / name)]


def test_odd_files_are_problems_and_block_nothing(folder: Path) -> None:
    service = folder / "web"
    (service / "folder").mkdir(parents=True)
    os.mkfifo(service / "fifo")
    os.mkfifo(folder / "fifo")
    (service / "big.json").write_text(json.dumps({"address": "10.0.0.7", "x": "x" * 70_000}))
    (service / "good.json").write_text(RECORD)
    found = listed(folder)
    assert [endpoint.name for endpoint in found.endpoints] == ["good"]
    where = {Path(problem.where).relative_to(folder) for problem in found.problems}
    assert where == {Path(p) for p in ("web/folder", "web/fifo", "fifo", "web/big.json")}


def test_names_that_are_no_text_are_told_in_one_line(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9\n")).write_text(RECORD)
    Path(os.fsdecode(os.fsencode(folder) + b"/folder\xe9")).mkdir()
    problems = listed(folder).problems
    assert len(problems) == 2
    assert all(str(problem).isprintable() for problem in problems)


def test_a_folder_with_a_bad_name_keeps_no_watch_out(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/folder\xe9")).mkdir()
    with Watching(FileDiscovery(FileSettings(dir=folder))) as watching:
        (folder / "s1").write_text("s1 10.0.0.7")
        watching.until(lambda s: len(s) == 1, deadline=10)


def test_links_that_stay_in_the_folder_are_followed(folder: Path) -> None:
    (folder / ".elsewhere").write_text(RECORD)
    (folder / "s1.json").symlink_to(".elsewhere")
    (folder / "s2.json").symlink_to("nowhere")
    assert [endpoint.name for endpoint in listed(folder).endpoints] == ["s1"]


def test_a_second_file_for_a_name_is_a_problem(folder: Path) -> None:
    (folder / "s1").write_text("s1 10.0.0.7")
    (folder / "s1.json").write_text(RECORD)
    found = listed(folder)
    assert len(found.endpoints) == 1
    assert found.problems[0].where == str(folder / "s1.json")


def test_a_good_entry_outlives_rubbish_in_its_file(folder: Path, watching: Watching) -> None:
    (folder / "s1.json").write_text(RECORD)
    watching.until(lambda s: len(s) == 1, deadline=10)
    (folder / "s1.json").write_text(RECORD[:20])
    spoilt = watching.until(lambda s: s.problems, deadline=10)
    assert len(spoilt) == 1
    (folder / "s1.json").write_text(RECORD)
    watching.until(lambda s: not s.problems and len(s) == 1, deadline=10)


def test_a_removed_file_is_a_clean_leave(folder: Path, watching: Watching) -> None:
    (folder / "s1").write_text("s1 10.0.0.7")
    endpoint = watching.until(lambda s: len(s) == 1, deadline=10).endpoints[0]
    (folder / "s1").unlink()
    watching.until(lambda s: not len(s), deadline=10)
    assert watching.seen.states_of(endpoint)[-3:] == ["ready", "draining", "out"]


def test_a_registrars_file_that_goes_untold_is_no_clean_leave(
    folder: Path, watching: Watching
) -> None:
    """A registrar says `draining` first; a wiped folder did not: the guard has to see a loss."""
    (folder / "s1.json").write_text('{"address": "10.0.0.7", "ttl": 60, "owner": "me"}')
    endpoint = watching.until(lambda s: len(s) == 1, deadline=10).endpoints[0]
    (folder / "s1.json").unlink()
    watching.until(lambda s: not len(s), deadline=10)
    assert "draining" not in watching.seen.states_of(endpoint)


def test_an_expired_file_is_left_out_at_once(folder: Path, watching: Watching) -> None:
    (folder / "s1.json").write_text('{"address": "10.0.0.7", "ttl": 0.5}')
    endpoint = watching.until(lambda s: len(s) == 1, deadline=10).endpoints[0]
    watching.until(lambda s: not len(s), deadline=10)
    assert watching.seen.states_of(endpoint) == ["out", "ready", "out"]


def test_leases_renewed_unnoticed_are_not_lost(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While an agent starves, the notices of renewed leases wait in a queue; the clock does not."""
    monkeypatch.setattr(Notices, "wait", nothing_told)
    path = folder / "s1.json"
    path.write_text('{"address": "10.0.0.7", "ttl": 1.0}')
    with Watching(FileDiscovery(FileSettings(dir=folder, rescan=60.0))) as watching:
        endpoint = watching.until(lambda s: len(s) == 1, deadline=10).endpoints[0]
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            os.utime(path)
            time.sleep(0.1)
    assert watching.seen.states_of(endpoint) == ["ready"]


def test_a_file_that_expired_before_is_never_published(folder: Path) -> None:
    """Whatever its modification time says: nobody touched it for longer than its `ttl`."""
    for name, ahead in (("s1", -20), ("s2", 0), ("s3", 20)):
        path = folder / f"{name}.json"
        path.write_text('{"address": "10.0.0.7", "ttl": 0.2}')
        os.utime(path, (time.time() + ahead, time.time() + ahead))
    time.sleep(0.3)
    assert listed(folder) == Snapshot()


@pytest.mark.parametrize("skew", [-86400, -9, 3600])
def test_a_writers_clock_changes_nothing(folder: Path, watching: Watching, skew: float) -> None:
    path = folder / ".s1.json"
    path.write_text('{"address": "10.0.0.7", "ttl": 1.0}')

    def touch() -> None:
        then = time.time() + skew
        os.utime(path, (then, then))

    touch()
    path = path.rename(folder / "s1.json")
    endpoint = watching.until(lambda s: len(s) == 1, deadline=10).endpoints[0]
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        touch()
        time.sleep(0.1)
    assert watching.seen.states_of(endpoint) == ["out", "ready"]
    since = time.monotonic()
    watching.until(lambda s: not len(s), deadline=10)
    assert time.monotonic() - since < 2


def test_what_does_not_move_the_modification_time_renews_no_lease(
    folder: Path, watching: Watching
) -> None:
    path = folder / "s1.json"
    path.write_text('{"address": "10.0.0.7", "ttl": 1.0}')
    watching.until(lambda s: len(s) == 1, deadline=10)
    end = time.monotonic() + 10
    while watching.seen.latest and time.monotonic() < end:
        path.chmod(0o600)
        time.sleep(0.05)
    assert watching.seen.latest == Snapshot()


def swap(folder: Path, number: int, records: dict[str, str]) -> None:
    """Replace the files of ``folder`` as Kubernetes does those of a ConfigMap."""
    generation = folder / f"..2026_{number}"
    generation.mkdir()
    for name, text in records.items():
        (generation / name).write_text(text)
    (folder / "..data_tmp").symlink_to(generation.name)
    (folder / "..data_tmp").rename(folder / "..data")
    for name in records:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    for path in folder.iterdir():
        if path.is_symlink() and not path.name.startswith("..") and path.name not in records:
            path.unlink()


@pytest.mark.parametrize("place", ["nodes", "nodes/web"])
def test_a_configmap_is_followed_at_once(folder: Path, place: str) -> None:
    mounted = folder.parent / place
    mounted.mkdir(exist_ok=True)
    swap(mounted, 1, {"s1.json": RECORD, "s2.json": RECORD})
    with Watching(FileDiscovery(FileSettings(dir=folder, rescan=600.0))) as watching:
        watching.until(lambda s: len(s) == 2, deadline=10)
        swap(mounted, 2, {"s1.json": RECORD.replace("10.0.0.7", "10.0.0.8"), "s2.json": RECORD})
        watching.until(lambda s: s.endpoints[0].address == "10.0.0.8", deadline=5)
        swap(mounted, 3, {"s1.json": RECORD, "s3.json": RECORD})
        watching.until(lambda s: [e.name for e in s.endpoints] == ["s1", "s3"], deadline=5)


def test_a_time_in_the_future_expires_like_now(folder: Path, watching: Watching) -> None:
    path = folder / ".s1.json"
    path.write_text('{"address": "10.0.0.7", "ttl": 0.5}')
    os.utime(path, (time.time() + 9000, time.time() + 9000))
    path.rename(folder / "s1.json")
    watching.until(lambda s: len(s) == 1, deadline=10)
    watching.until(lambda s: not len(s), deadline=10)


def test_a_folder_that_never_was_is_a_wrong_setting(tmp_path: Path) -> None:
    discovery = FileDiscovery(FileSettings(dir=tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match=r"file\.dir.*nowhere"):
        discovery.watch(Recorder(), Event())


def test_a_file_instead_of_the_folder_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"file\.dir.*Not a directory"):
        FileDiscovery(FileSettings(dir=tmp_path / "file")).watch(Recorder(), Event())


def test_a_folder_that_vanishes_keeps_the_last_state(folder: Path, watching: Watching) -> None:
    (folder / "s1").write_text("s1 10.0.0.7")
    watching.until(lambda s: len(s) == 1, deadline=10)
    folder.rename(folder.with_name("away"))
    assert isinstance(watching.failed(deadline=10), DiscoveryError)
    assert len(watching.seen.latest or ()) == 1
    folder.with_name("away").rename(folder)
    (folder / "s2").write_text("s2 10.0.0.8")
    watching.until(lambda s: len(s) == 2, deadline=10)


def test_another_folder_in_its_place_is_no_clean_leave(folder: Path, watching: Watching) -> None:
    """An unmounted disk leaves an empty folder: the guard has to see losses, not leaves."""
    (folder / "s1").write_text("s1 10.0.0.7")
    endpoint = watching.until(lambda s: len(s) == 1, deadline=10).endpoints[0]
    folder.rename(folder.with_name("away"))
    folder.mkdir()
    watching.until(lambda s: not len(s), deadline=10)
    assert "draining" not in watching.seen.states_of(endpoint)


def test_a_service_folder_made_while_watching_is_followed(folder: Path, watching: Watching) -> None:
    for service in ("web", "api", "db"):
        (folder / service).mkdir()
        (folder / service / "s1.json").write_text(RECORD)
    watching.until(lambda s: set(s.services) == {"web", "api", "db"}, deadline=10)
    (folder / "web" / "s2.json").write_text(RECORD)
    watching.until(lambda s: len(s) == 4, deadline=10)


def test_a_removed_service_folder_takes_its_endpoints(folder: Path, watching: Watching) -> None:
    (folder / "web").mkdir()
    (folder / "web" / "s1.json").write_text(RECORD)
    watching.until(lambda s: len(s) == 1, deadline=10)
    (folder / "web").rename(folder / ".web")
    watching.until(lambda s: not len(s), deadline=10)


def test_one_change_among_many_reads_one_file(folder: Path) -> None:
    for number in range(1000):
        (folder / f"s{number}").write_text(f"s{number} 10.0.0.7")
    content = Folder(FileSettings(dir=folder))
    content.scan()
    (folder / "s7").write_text("s7 10.0.0.8")
    assert content.look(folder / "s7")
    content.scan()
    assert content.reads == 1001
    assert len(content.snapshot()) == 1000


def test_a_rescan_finds_what_the_kernel_did_not_tell(folder: Path) -> None:
    """A changed target of a link tells nothing of it, as most changes on a network disk."""
    target = folder / ".elsewhere"
    target.write_text(RECORD)
    (folder / "s1.json").symlink_to(target.name)
    with Watching(FileDiscovery(FileSettings(dir=folder, rescan=0.2))) as watching:
        watching.until(lambda s: len(s) == 1, deadline=10)
        target.write_text('{"address": "10.0.0.9"}')
        watching.until(lambda s: s.endpoints[0].address == "10.0.0.9", deadline=10)


def test_without_the_kernels_notices_the_folder_is_polled(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("lbdisc.notices.INotify", full)
    with Watching(FileDiscovery(FileSettings(dir=folder))) as watching:
        (folder / "s1").write_text("s1 10.0.0.7")
        watching.until(lambda s: len(s) == 1, deadline=10)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["nodes/a.json", "nodes/b.json", "a.json", "b.json", "api/a.json"]),
            st.sampled_from(["good", "other", "garbage", "leased", "gone"]),
        ),
        max_size=12,
    )
)
@settings(max_examples=40, deadline=None)
def test_looking_at_what_changed_gives_what_looking_at_everything_gives(
    steps: list[tuple[str, str]],
) -> None:
    content = {
        "good": '{"address": "10.0.0.1", "port": 1}',
        "other": '{"address": "10.0.0.2", "port": 2}',
        "garbage": "{",
        "leased": '{"address": "10.0.0.3", "port": 3, "ttl": 60}',
    }
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for service in ("nodes", "api"):
            (root / service).mkdir()
        folder = Folder(FileSettings(dir=root))
        folder.scan()
        known: dict[str, str] = {}
        for path, what in steps:
            if what == "gone":
                (root / path).unlink(missing_ok=True)
                known.pop(path, None)
            else:
                (root / path).write_text(content[what])
                if what != "garbage" or path not in known:
                    known[path] = what
            folder.look(root / path)
            assert (found := folder.snapshot()) == folder.listing.whole(time.monotonic())
            # What is no longer garbage-only is listed: garbage keeps the entry that was there.
            assert bool(found.endpoints) == bool({w for w in known.values() if w != "garbage"})


def test_what_changed_is_named_by_its_files(folder: Path, watching: Watching) -> None:
    (folder / "s1").write_text("s1 10.0.0.1 3000\n")
    watching.until(lambda s: len(s) == 1, deadline=10)
    assert watching.seen.history[-1].revision == "s1"
