"""A server that is hostile or broken: one line, and what was known stays."""

import struct
from collections.abc import Callable

import pytest

from lbdisc.errors import RegistrarError
from lbdisc.testing import Watching, eventually
from lbdisc.testing.roles import Holding
from lbdisc.values import Endpoint, Snapshot
from lbdisc_doozer.discovery import DoozerDiscovery
from lbdisc_doozer.messages import DIRECTORY, Flag, Request, Response, Verb
from lbdisc_doozer.registrar import DoozerRegistrar
from lbdisc_doozer.settings import DoozerSettings
from support.hostile_doozer import HostileDoozer, Says, framed, good

NODE = Endpoint(service="web", name="s1", address="10.0.0.7", port=3000)
NONSENSE: dict[str, Says] = {
    "HTTP": lambda tag, request: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "a length of 4 GB": lambda tag, request: struct.pack(">I", 0xFFFFFFFF) + b"x" * 100,
    "no message": lambda tag, request: framed(b"\xff" * 50),
    "a number that never ends": lambda tag, request: framed(b"\x08" + b"\xff" * 40),
    "no tag": lambda tag, request: framed(Response(rev=5).encode(None)),
    "another tag": lambda tag, request: framed(Response(rev=5).encode(tag + 1)),
    "the same answer twice": lambda tag, request: 2 * framed(Response(rev=5).encode(tag)),
    "no revision": lambda tag, request: framed(Response().encode(tag)),
    "an unknown error": lambda tag, request: framed(Response(error=77, detail="\n").encode(tag)),
    "an unknown verb": lambda tag, request: framed(Response(error=2).encode(tag)),
    "too late, always": lambda tag, request: framed(Response(error=4).encode(tag)),
}


def settings(server: HostileDoozer) -> DoozerSettings:
    return DoozerSettings(servers=(f"127.0.0.1:{server.port}",), request_timeout=1)


@pytest.mark.parametrize("says", NONSENSE.values(), ids=NONSENSE)
def test_answers_of_nonsense_are_one_failure(says: Says) -> None:
    with HostileDoozer(says) as server, Watching(DoozerDiscovery(settings(server))) as watching:
        error = watching.failed(deadline=20)
        assert "\n" not in str(error)
        assert watching.seen.count == 0


@pytest.mark.parametrize("says", NONSENSE.values(), ids=NONSENSE)
def test_registrar_is_not_stopped_and_never_says_that_it_holds(says: Says) -> None:
    with (
        HostileDoozer(says) as server,
        Holding(DoozerRegistrar(settings(server)), NODE) as holding,
    ):
        eventually(lambda: len(holding.errors) > 1, deadline=20, what="two attempts")
        assert not holding.published
        assert all(isinstance(error, RegistrarError) for error in holding.errors)


def test_a_folder_without_end_is_read_as_far_as_it_answers() -> None:
    def says(tag: int, request: Request) -> bytes | None:
        if request.verb == Verb.STAT:
            return framed(Response(rev=DIRECTORY, len=0x7FFFFFFF).encode(tag))
        if request.verb == Verb.GETDIR:
            return framed(Response(error=8).encode(tag))
        return good(tag, request)

    with HostileDoozer(says) as server, Watching(DoozerDiscovery(settings(server))) as watching:
        watching.until(lambda s: s == Snapshot(), deadline=20, what="an empty state")


def _news(path: str, rev: int, value: bytes = b"{}") -> Callable[[int, Request], bytes | None]:
    def says(tag: int, request: Request) -> bytes | None:
        if request.verb == Verb.WAIT and (request.rev or 0) <= 6:
            response = Response(rev=rev, path=path, value=value, flags=Flag.SET)
            return framed(response.encode(tag))
        return good(tag, request)

    return says


@pytest.mark.parametrize(
    ("path", "rev"), [("/lbdisc2/web/s1", 6), ("/etc/passwd", 6), ("/lbdisc/web/s1", 3)]
)
def test_changes_of_other_files_and_of_the_past_are_passed_over(path: str, rev: int) -> None:
    with (
        HostileDoozer(_news(path, rev)) as server,
        Watching(DoozerDiscovery(settings(server))) as watching,
    ):
        watching.until(lambda s: s == Snapshot(), deadline=20, what="an empty state")
        eventually(lambda: sum(r.verb == Verb.REV for r in server.asked) > 2, what="more looks")
        assert watching.seen.latest == Snapshot()
        assert watching.seen.latest.problems == ()


def test_a_value_of_10_mb_is_named_and_not_kept() -> None:
    def says(tag: int, request: Request) -> bytes | None:
        if request.verb == Verb.WAIT and (request.rev or 0) <= 6:
            head = Response(rev=6, path="/lbdisc/web/s1", flags=Flag.SET).encode(tag)
            return framed(head + b"\x32\x80\xad\xe2\x04" + b"x" * 10_000_000)  # field 6, its length
        return good(tag, request)

    with HostileDoozer(says) as server, Watching(DoozerDiscovery(settings(server))) as watching:
        snapshot = watching.until(lambda s: s.problems, deadline=20, what="a problem")
        assert "10000000 bytes: at most" in str(snapshot.problems[0])
