"""What goes wrong with doozer's servers, and with what lies in them; on doozerd too, if any."""

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from pydantic import SecretStr

from lbdisc.errors import DiscoveryError, RegistrarError, SettingsError, WriteRefused
from lbdisc.testing import Watching, eventually
from lbdisc.testing.processes import free_port
from lbdisc.testing.roles import Holding
from lbdisc.values import Endpoint, Snapshot
from lbdisc_doozer.discovery import DoozerDiscovery
from lbdisc_doozer.failures import DoozerFailure
from lbdisc_doozer.messages import Request, Verb
from lbdisc_doozer.registrar import DoozerRegistrar
from lbdisc_doozer.settings import DoozerSettings
from lbdisc_doozer.sweeping import Sweeper
from lbdisc_lab.servers.doozer import DoozerServer, start
from lbdisc_lab.servers.doozer.registry import doozerd
from support.doozer_world import DoozerWriter

NODE = Endpoint(service="web", name="s1", address="10.0.0.7", port=3000)
OTHER = Endpoint(service="web", name="s2", address="10.0.0.8", port=3000)
WAIT = 30.0  # seconds
TTL = 3.0
PROGRAMS: dict[str, Path | None] = {"our own": None}
if found := doozerd():
    PROGRAMS["doozerd"] = found


@pytest.fixture(params=PROGRAMS.values(), ids=[*PROGRAMS])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DoozerServer]:
    with start(tmp_path / "doozer", program=request.param) as server:
        yield server


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[DoozerServer]:
    with start(tmp_path / "doozer") as server:
        yield server


@pytest.fixture
def writer(server: DoozerServer) -> Iterator[DoozerWriter]:
    with DoozerWriter(server) as writer:
        yield writer


def settings(server: DoozerServer, *, secret: str = "") -> DoozerSettings:
    return DoozerSettings(
        servers=(f"127.0.0.1:{server.port}",),
        ttl=TTL,
        secret=SecretStr(secret) if secret else None,
    )


def record(beat: int, **members: object) -> bytes:
    return json.dumps({"address": "10.0.0.7", "port": 3000, "beat": beat} | members).encode()


def test_nobody_is_left_out_while_nothing_can_be_written(own_server: DoozerServer) -> None:
    given = settings(own_server)
    with Watching(DoozerDiscovery(given)) as watching, Holding(DoozerRegistrar(given), NODE):
        watching.until(lambda s: NODE in s.endpoints, deadline=WAIT)
        own_server.stand_still()
        error = watching.failed(deadline=WAIT)
        assert "stands still at revision" in str(error)
        since = watching.seen.count
        own_server.go_on()
        with Holding(DoozerRegistrar(given), OTHER):
            watching.until(lambda s: OTHER in s.endpoints, deadline=WAIT)
        assert all(NODE in s.endpoints for s in watching.seen.snapshots[since:])


def test_who_stands_still_is_not_believed_again_before_it_moves(own_server: DoozerServer) -> None:
    with Watching(DoozerDiscovery(settings(own_server))) as watching:
        watching.until(lambda s: s == Snapshot(), deadline=WAIT)
        own_server.stand_still()
        eventually(lambda: len(watching.errors) > 1, deadline=WAIT, what="two errors")
        assert watching.seen.count == 1


def test_a_silent_record_is_left_out_and_returns(
    server: DoozerServer, writer: DoozerWriter
) -> None:
    writer.do(Verb.SET, "/lbdisc/web/s1", record(1, ttl=1.5))
    with Watching(DoozerDiscovery(settings(server))) as watching:
        watching.until(lambda s: NODE in s.endpoints, deadline=WAIT)
        watching.until(lambda s: s == Snapshot(), deadline=WAIT)
        writer.do(Verb.SET, "/lbdisc/web/s1", record(2, ttl=1.5))
        watching.until(lambda s: NODE in s.endpoints, deadline=WAIT)


@pytest.mark.parametrize("ttl", [0, -1, True, "10", 1e9, [], {}])
def test_a_bad_ttl_is_a_problem(server: DoozerServer, writer: DoozerWriter, ttl: object) -> None:
    writer.do(Verb.SET, "/lbdisc/web/s1", record(1, ttl=ttl))
    with Watching(DoozerDiscovery(settings(server))) as watching:
        found = watching.until(lambda s: s.problems, deadline=WAIT)
        assert "bad ttl" in str(found.problems[0])


def test_a_folder_where_a_file_belongs_is_a_problem_and_goes(
    server: DoozerServer, writer: DoozerWriter
) -> None:
    writer.do(Verb.SET, "/lbdisc/web/s1/deep/er", record(1))
    writer.do(Verb.SET, "/lbdisc/shallow", record(1))
    with Watching(DoozerDiscovery(settings(server))) as watching:
        watching.until(lambda s: len(s.problems) == 2, deadline=WAIT)
        writer.do(Verb.SET, "/lbdisc/web/s1/deep/too", record(1))
        writer.do(Verb.DEL, "/lbdisc/web/s1/deep/er")
        writer.do(Verb.DEL, "/lbdisc/shallow")
        watching.until(lambda s: len(s.problems) == 1, deadline=WAIT)
        writer.do(Verb.DEL, "/lbdisc/web/s1/deep/too")
        writer.do(Verb.SET, "/lbdisc/web/s1", record(1))
        watching.until(lambda s: s == Snapshot.of([NODE]) and not s.problems, deadline=WAIT)


def test_a_record_without_a_ttl_is_never_taken(server: DoozerServer, writer: DoozerWriter) -> None:
    writer.do(Verb.SET, "/lbdisc/web/s1", record(1))
    with Holding(DoozerRegistrar(settings(server)), NODE) as holding:
        eventually(lambda: holding.rival, deadline=WAIT, what="a rival")
        assert holding.rival == "written without a ttl: delete /lbdisc/web/s1"
        writer.do(Verb.DEL, "/lbdisc/web/s1")
        holding.held(deadline=WAIT)


def test_a_name_is_taken_when_its_holder_is_silent(
    server: DoozerServer, writer: DoozerWriter
) -> None:
    writer.do(Verb.SET, "/lbdisc/web/s1", record(1, ttl=1.5, owner="somebody"))
    with Holding(DoozerRegistrar(settings(server)), NODE) as holding:
        holding.held(deadline=WAIT)
        assert holding.rivals == ["owner 'somebody'"]


def test_a_record_that_doozer_never_answers_is_refused_at_once(server: DoozerServer) -> None:
    large = Endpoint(
        service="web", name="s1", address="10.0.0.7", port=3000, tags=tuple(
            (f"t{number}", "x" * 1000) for number in range(3)
        ),
    )  # fmt: skip
    with (
        DoozerRegistrar(settings(server)).open(large, Event()) as entry,
        pytest.raises(WriteRefused, match="fewer or shorter tags"),
    ):
        entry.put(large)


def test_a_file_where_the_folder_belongs_is_told(
    server: DoozerServer, writer: DoozerWriter
) -> None:
    writer.do(Verb.SET, "/lbdisc/web", b"in the way")
    with (
        DoozerRegistrar(settings(server)).open(NODE, Event()) as entry,
        pytest.raises(WriteRefused, match="/lbdisc/web is no directory"),
    ):
        entry.put(NODE)


def test_the_dead_are_swept_by_the_living(server: DoozerServer, writer: DoozerWriter) -> None:
    for name in ("alive", "dead", "hand"):
        writer.do(Verb.SET, f"/lbdisc/web/{name}", record(1, ttl=None if name == "hand" else 1.0))
    sweeper = Sweeper("/lbdisc/web/me", 0.3)
    revision = 0

    def swept() -> bool:
        nonlocal revision
        revision += 1
        sweeper.wrote(revision)
        writer.do(Verb.SET, "/lbdisc/web/alive", record(revision, ttl=1.0))
        writer.ask(sweeper.sweep)
        return _names(writer) == ["alive", "hand"]

    eventually(swept, deadline=WAIT, every=0.1, what="the end of the dead")


def _names(writer: DoozerWriter) -> list[str | None]:
    def names(connection: object) -> list[str | None]:
        found: list[str | None] = []
        while True:
            try:
                request = Request(Verb.GETDIR, "/lbdisc/web", offset=len(found))
                found.append(connection.ask(request).path)  # type: ignore[attr-defined]
            except DoozerFailure:
                return found

    return writer.ask(names)


def test_the_next_server_is_asked_when_one_is_gone(server: DoozerServer) -> None:
    given = DoozerSettings(
        servers=(f"127.0.0.1:{free_port()}", f"127.0.0.1:{server.port}"), shuffle=False, ttl=TTL
    )
    with Watching(DoozerDiscovery(given)) as watching, Holding(DoozerRegistrar(given), NODE):
        watching.until(lambda s: NODE in s.endpoints, deadline=WAIT)
        assert watching.errors == []


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=[*PROGRAMS])
def test_secrets_let_in_who_has_them(tmp_path: Path, program: Path | None) -> None:
    with start(tmp_path / "doozer", program=program, secret="w", read_secret="r") as server:
        for secret in ("", "wrong"):
            with pytest.raises(SettingsError, match=r"it refuses (us: see )?doozer\.secret"):
                DoozerDiscovery(settings(server, secret=secret)).watch(_nobody, Event())
        reader = settings(server, secret="r")
        with DoozerRegistrar(reader).open(NODE, Event()) as entry, pytest.raises(SettingsError):
            entry.put(NODE)
        with (
            Watching(DoozerDiscovery(reader)) as watching,
            Holding(DoozerRegistrar(settings(server, secret="w")), NODE),
        ):
            watching.until(lambda s: NODE in s.endpoints, deadline=WAIT)


def _nobody(snapshot: Snapshot, **_said: object) -> None:
    raise AssertionError("published")


def test_who_is_unreachable_is_named_in_one_line() -> None:
    given = DoozerSettings(servers=(f"127.0.0.1:{free_port()}",))
    with pytest.raises(
        DiscoveryError, match=r"^no server .* answers: 127\.\S+: connection refused$"
    ):
        DoozerDiscovery(given).watch(_nobody, Event())
    with (
        DoozerRegistrar(given).open(NODE, Event()) as entry,
        pytest.raises(RegistrarError, match="connection refused"),
    ):
        entry.put(NODE)


def test_a_frozen_server_is_noticed(server: DoozerServer) -> None:
    with Watching(DoozerDiscovery(settings(server))) as watching:
        watching.until(lambda s: s == Snapshot(), deadline=WAIT)
        server.pause()
        assert "no answer in time" in str(watching.failed(deadline=WAIT))
        server.resume()
