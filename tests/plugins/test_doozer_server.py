"""The small server answers as doozerd does; where there is one, it is asked the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.testing import eventually
from lbdisc_doozer.connection import DoozerConnection
from lbdisc_doozer.failures import DoozerFailure, TooLate
from lbdisc_doozer.messages import DIRECTORY, MISSING, Flag, Request, Verb
from lbdisc_doozer.reading import FileChange, FileChanges, read_files, revision_of
from lbdisc_doozer.settings import DoozerSettings
from lbdisc_lab.servers.doozer import DoozerServer, start
from lbdisc_lab.servers.doozer.registry import doozerd

PROGRAMS: dict[str, Path | None] = {"our own": None}
if found := doozerd():
    PROGRAMS["doozerd"] = found
LATEST = 1 << 40  # newer than any revision


@pytest.fixture(params=PROGRAMS.values(), ids=[*PROGRAMS], scope="module")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DoozerServer]:
    with start(tmp_path_factory.mktemp("doozer"), program=request.param) as server:
        yield server


@pytest.fixture
def client(server: DoozerServer) -> Iterator[DoozerConnection]:
    with connected(server) as connection:
        yield connection


def connected(server: DoozerServer) -> DoozerConnection:
    settings = DoozerSettings(servers=(f"127.0.0.1:{server.port}",))
    connection = DoozerConnection(settings.places[0], settings, timeout=5)
    connection.begin()
    return connection


def write(client: DoozerConnection, path: str, value: bytes = b"x", rev: int = LATEST) -> int:
    return client.ask(Request(Verb.SET, path, value, rev)).rev or 0


def said(client: DoozerConnection, request: Request) -> str:
    with pytest.raises(DoozerFailure) as caught:
        client.ask(request)
    return str(caught.value)


def test_a_write_is_refused_when_the_file_is_newer(client: DoozerConnection) -> None:
    first = write(client, "/cas/a", rev=MISSING)
    assert said(client, Request(Verb.SET, "/cas/a", b"y", first - 1)) == "REV_MISMATCH"
    second = write(client, "/cas/a", b"y", rev=first)
    assert client.ask(Request(Verb.GET, "/cas/a")).rev == second
    assert said(client, Request(Verb.DEL, "/cas/a", rev=first)) == "REV_MISMATCH"
    client.ask(Request(Verb.DEL, "/cas/a", rev=second))
    assert client.ask(Request(Verb.GET, "/cas/a")).rev == MISSING


def test_what_is_refused_is_a_revision_too(client: DoozerConnection) -> None:
    write(client, "/refused/a")
    before = revision_of(client)
    said(client, Request(Verb.SET, "/refused/a", b"y", 0))
    assert revision_of(client) > before
    assert client.ask(Request(Verb.GET, "/ctl/err")).value == b"rev mismatch"


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (Request(Verb.SET, "/errors/file/below", b"", LATEST), "NOTDIR"),
        (Request(Verb.SET, "/errors", b"", LATEST), "ISDIR"),
        (Request(Verb.SET, "/errors/no_name", b"", LATEST), "BAD_PATH"),
        (Request(Verb.SET, "/errors/", b"", LATEST), "BAD_PATH"),
        (Request(Verb.SET, "/errors/a"), "MISSING_ARG"),
        (Request(Verb.GET, "/errors"), "ISDIR"),
        (Request(Verb.GET), "MISSING_ARG"),
        (Request(Verb.GETDIR, "/errors/file", offset=0), "NOTDIR"),
        (Request(Verb.GETDIR, "/errors/none", offset=0), "NOENT"),
        (Request(Verb.GETDIR, "/errors", offset=9), "RANGE"),
        (Request(Verb.GETDIR, "/errors"), "MISSING_ARG"),
        (Request(Verb.WALK, "/errors/*", offset=9), "RANGE"),
        (Request(Verb.WALK, "/no_glob", offset=0), "OTHER: invalid glob pattern: /no_glob"),
        (Request(Verb.WAIT, "/errors/*"), "MISSING_ARG"),
        (Request(77), "UNKNOWN_VERB"),
    ],
)
def test_errors_are_told_by_name(client: DoozerConnection, request_: Request, error: str) -> None:
    write(client, "/errors/file")
    assert said(client, request_) == error


def test_folders_and_files_have_their_size(client: DoozerConnection) -> None:
    write(client, "/stat/a/b", b"four")
    folder = client.ask(Request(Verb.STAT, "/stat"))
    file = client.ask(Request(Verb.STAT, "/stat/a/b"))
    assert (folder.rev, folder.len) == (DIRECTORY, 1)
    assert (file.len, client.ask(Request(Verb.STAT, "/stat/c")).rev) == (4, MISSING)


def test_a_folder_goes_with_its_last_file(client: DoozerConnection) -> None:
    write(client, "/goes/a/b")
    client.ask(Request(Verb.DEL, "/goes/a/b", rev=LATEST))
    assert client.ask(Request(Verb.STAT, "/goes")).rev == MISSING


@pytest.mark.parametrize(
    ("glob", "matching"),
    [
        ("/glob/*", ["/glob/a", "/glob/ab", "/glob/b.c"]),
        ("/glob/?", ["/glob/a"]),
        ("/glob/**", ["/glob/a", "/glob/ab", "/glob/b.c", "/glob/d/e"]),
        ("/glob/b?c", ["/glob/b.c"]),
        ("/glob/a.", []),
        ("/gl*/d/e", ["/glob/d/e"]),
    ],
)
def test_globs_match_as_they_do_in_doozer(
    client: DoozerConnection, glob: str, matching: list[str]
) -> None:
    for path in ("/glob/a", "/glob/ab", "/glob/b.c", "/glob/d/e"):
        write(client, path)
    walked: list[str | None] = []
    while True:
        try:
            walked.append(client.ask(Request(Verb.WALK, glob, offset=len(walked))).path)
        except DoozerFailure:
            break
    assert walked == matching


def test_an_earlier_revision_is_read_as_it_was(client: DoozerConnection) -> None:
    write(client, "/then/web/a", b"1")
    then = write(client, "/then/web/b", b"2")
    write(client, "/then/web/a", b"3")
    client.ask(Request(Verb.DEL, "/then/web/b", rev=LATEST))
    files = read_files(client, "/then", then, deep=2)
    assert {(path, value) for path, value, _ in files} == {
        ("/then/web/a", b"1"),
        ("/then/web/b", b"2"),
    }


def test_a_wait_is_answered_with_the_first_change_from_its_revision_on(
    client: DoozerConnection,
) -> None:
    first = write(client, "/wait/a")
    second = write(client, "/wait/b")
    for rev, path in ((1, "/wait/a"), (first, "/wait/a"), (first + 1, "/wait/b")):
        assert client.ask(Request(Verb.WAIT, "/wait/*", rev=rev)).path == path
    client.ask(Request(Verb.DEL, "/wait/a", rev=LATEST))
    gone = client.ask(Request(Verb.WAIT, "/wait/*", rev=second + 1))
    assert (gone.path, gone.flags, gone.value) == ("/wait/a", Flag.DEL, b"")


def test_every_change_is_told_once_and_in_order(client: DoozerConnection) -> None:
    changes = FileChanges(client, "/order", revision_of(client))
    revisions = [write(client, f"/order/web/{n % 7}", b"%d" % n) for n in range(200)]
    for n in range(200):
        write(client, f"/elsewhere/{n % 3}")
    told: list[FileChange] = []
    while len(told) < 200:
        told += changes.take(5) or pytest.fail(f"only {len(told)} came")
    assert [change.revision for change in told] == revisions
    assert [change.value for change in told] == [b"%d" % n for n in range(200)]
    assert changes.take(0.2) == []


def test_a_history_ends(tmp_path: Path) -> None:
    with start(tmp_path / "doozer", history=5) as server, connected(server) as client:
        then = write(client, "/a")
        for _ in range(10):
            write(client, "/b")
        eventually(lambda: _forgotten(client, then), what="the end of it, once a second")
        assert client.ask(Request(Verb.GET, "/a")).rev == then


def _forgotten(client: DoozerConnection, revision: int) -> bool:
    try:
        client.ask(Request(Verb.GET, "/a", rev=revision))
    except TooLate:
        return True
    return False


def test_our_own_keeps_its_files_over_a_restart_and_loses_them_when_it_is_wiped(
    tmp_path: Path,
) -> None:
    with start(tmp_path / "doozer") as server:
        with connected(server) as client:
            then = write(client, "/kept/a", b"\0\xff")
            write(client, "/kept/b")
            client.ask(Request(Verb.DEL, "/kept/b", rev=LATEST))
        server.restart()
        with connected(server) as client:
            there = client.ask(Request(Verb.GET, "/kept/a"))
            assert (there.value, there.rev) == (b"\0\xff", then)
            assert client.ask(Request(Verb.GET, "/kept/b")).rev == MISSING
        server.wipe()
        with connected(server) as client:
            assert client.ask(Request(Verb.GET, "/kept/a")).rev == MISSING
