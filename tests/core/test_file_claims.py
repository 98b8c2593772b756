"""Two files that claim one name: who was there first keeps it, whoever writes what beside it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.builtin.file.discovery import FileDiscovery
from lbdisc.builtin.file.settings import FileSettings
from lbdisc.testing import Watching
from lbdisc.testing.waiting import DEADLINE
from lbdisc.values import Endpoint, Snapshot

OURS, THEIRS = "10.0.0.7", "10.6.6.6"


@pytest.fixture
def web(tmp_path: Path) -> Path:
    path = tmp_path / "nodes" / "web"
    path.mkdir(parents=True)
    return path


def discovery(web: Path) -> FileDiscovery:
    return FileDiscovery(FileSettings(dir=web.parent, rescan=0.2))


@pytest.fixture
def watching(web: Path) -> Iterator[Watching]:
    with Watching(discovery(web)) as watching:
        watching.until(lambda _: True, deadline=DEADLINE)
        yield watching


def line(web: Path, address: str) -> Path:
    (web / "s1").write_text(f"s1 {address} 80")
    return web / "s1"


def record(web: Path, address: str, **more: object) -> Path:
    staged = web / ".staged"
    staged.write_text(json.dumps({"address": address, "port": 80, **more}))
    return staged.replace(web / "s1.json")


def until(watching: Watching, address: str, *problems: str) -> None:
    """Until ``s1`` has the address, and these files are problems."""

    def found(snapshot: Snapshot) -> bool:
        return [e.address for e in snapshot.endpoints] == [address] and [
            Path(problem.where).name for problem in snapshot.problems
        ] == list(problems)

    watching.until(found, deadline=DEADLINE)


def test_a_line_beside_a_record_takes_nothing(web: Path, watching: Watching) -> None:
    record(web, OURS, owner="us", ttl=600)
    until(watching, OURS)
    line(web, THEIRS)
    until(watching, OURS, "s1")
    record(web, OURS, owner="us", ttl=601)
    until(watching, OURS, "s1")
    assert all(e.address == OURS for p in watching.seen.history for e in p.snapshot.endpoints)


def test_a_record_with_an_owner_beside_a_line_takes_nothing(web: Path, watching: Watching) -> None:
    line(web, OURS)
    until(watching, OURS)
    record(web, THEIRS, owner="them", ttl=600)
    until(watching, OURS, "s1.json")


def test_the_name_is_free_once_its_file_is_removed(web: Path, watching: Watching) -> None:
    ours = line(web, OURS)
    until(watching, OURS)
    record(web, THEIRS)
    until(watching, OURS, "s1.json")
    ours.unlink()
    until(watching, THEIRS)
    line(web, OURS)
    until(watching, THEIRS, "s1")


def test_who_lets_a_lease_end_has_the_name_back_with_the_next(
    web: Path, watching: Watching
) -> None:
    ours = record(web, OURS, owner="us", ttl=0.3)
    until(watching, OURS)
    line(web, THEIRS)
    until(watching, THEIRS)
    record(web, OURS, owner="us", ttl=600)
    until(watching, OURS, "s1")
    assert ours.exists()


def test_a_damaged_file_keeps_its_name(web: Path, watching: Watching) -> None:
    record(web, OURS)
    until(watching, OURS)
    (web / "s1.json").write_text("{half")
    line(web, THEIRS)
    until(watching, OURS, "s1", "s1.json")


def first(web: Path, known: Snapshot | None = None) -> str:
    """The address of ``s1`` to somebody who has not looked before."""
    found = discovery(web)
    if known is not None:
        found.remind(known)
    with Watching(found) as watching:
        return watching.until(lambda _: True, deadline=DEADLINE).endpoints[0].address


def test_of_two_that_are_found_together_the_one_with_an_owner_counts(web: Path) -> None:
    line(web, THEIRS)
    record(web, OURS, owner="us", ttl=600)
    assert first(web) == OURS


def test_of_two_without_an_owner_the_older_one_counts_whatever_its_date(web: Path) -> None:
    record(web, OURS)
    while (late := line(web, THEIRS)).stat().st_ctime_ns == (web / "s1.json").stat().st_ctime_ns:
        pass  # a file system's clock may be coarse
    os.utime(late, (0, 0))
    assert first(web) == OURS


def test_an_agent_that_starts_anew_goes_by_what_was_listed(web: Path) -> None:
    line(web, OURS)
    record(web, THEIRS, owner="them", ttl=600)
    known = Snapshot.of([Endpoint(service="web", name="s1", address=OURS, port=80)])
    assert first(web) == THEIRS
    assert first(web, known) == OURS
