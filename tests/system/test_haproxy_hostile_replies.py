"""What nodes, clients and the operator say stands in HAProxy's answers, and cuts none of them."""

from collections.abc import Iterator
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from lbdisc.haproxy.sockets.commands import SetWeight
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from support.haproxies import VERSIONS, Place, listener, place

REASONS = (
    *(b"a\x0bb", b"a\x0cb", b"a\x1cb", b"a\x1db", b"a\x1eb", b"a\xc2\x85b", b"a\xe2\x80\xa8b"),
    *(b'say "no", please', b'"', b'a"', b"x\xffy", b"# pxname,svname,", b"> ", b"\x1b[31mred"),
)
BODY = b'x\n> y\n\n> z\n# pxname,svname,\nodd,good,no,"'


@pytest.fixture(scope="module", params=VERSIONS)
def here(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param) as found:
        yield found


def refusal(reason: bytes = b"no", body: bytes = b"") -> bytes:
    head = b"HTTP/1.1 500 %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
    return head % (reason, len(body)) + body


@pytest.mark.parametrize("reason", REASONS)
def test_a_nodes_answer_to_a_check_is_its_own(here: Place, reason: bytes) -> None:
    with listener(refusal(reason)) as port, here.running(here.text(odd(port))) as running:
        eventually(lambda: said(running.runtime) == reason.rstrip(), what="what the node said")
        assert others(running.runtime) == [("good", "no check")]


def odd(port: int, check: str = "") -> str:
    return (
        f"backend odd\n  option httpchk GET /\n{check}"
        f"  server bad 127.0.0.1:{port} check inter 50ms fall 1\n  server good 127.0.0.1:9\n"
    )


def said(runtime: Runtime) -> bytes:
    """What the last check of the odd server found; nothing while one is under way."""
    [row] = [row for row in runtime.stats("odd") if row.name == "bad"]
    return row.last_check.encode(errors="surrogateescape").rstrip()


def others(runtime: Runtime) -> list[tuple[str, str]]:
    rows = (row for row in runtime.stats("odd") if row.kind == "server")
    return [(row.name, row.status) for row in rows if row.name != "bad"]


def test_lines_in_a_nodes_body_are_no_rows(here: Place) -> None:
    check = '  http-check expect string NONE on-error "%[res.body]"\n'
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY
    with listener(answer) as port, here.running(here.text(odd(port, check))) as running:
        eventually(lambda: said(running.runtime).startswith(b"x"), what="what the node said")
        assert others(running.runtime) == [("good", "no check")]


def test_the_environment_and_a_description_shift_no_answer(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODD_VARIABLE", "a\n> b\n\n> \udcff\u2028c")
    text = here.text(odd(9)).replace("global\n", 'global\n  description "a\\n\\n> b\\nPid: 1"\n', 1)
    with here.running(text) as running:
        runtime = running.runtime
        runtime.run([SetWeight("odd", "good", 3)])
        assert runtime.ask("show env ODD_VARIABLE") == "ODD_VARIABLE=a\n> b\n\n> \udcff\u2028c\n\n"
        current = running.managed.master.processes().current
        assert current is not None
        assert runtime.info().pid == runtime.connect().pid == current.pid
        runtime.run([SetWeight("odd", "good", 4)])
        assert [row.weight for row in runtime.servers("odd")] == [1, 4]


def test_what_clients_write_into_a_table_ends_no_answer(here: Place) -> None:
    port, key = free_port(), 'a\n> b\n\n> "c'
    body = (
        f"listen odd\n  bind 127.0.0.1:{port}\n"
        "  stick-table type string len 40 size 100 store gpc0\n"
        "  http-request track-sc0 url_param(k),url_dec\n  http-request return status 200\n"
        "  server good 127.0.0.1:9\n"
    )
    with here.running(here.text(body)) as running:
        urlopen(f"http://127.0.0.1:{port}/?k={quote(key)}", timeout=5).close()
        assert "table: odd" in running.runtime.ask("show table odd").split("\n")[0]
        assert "gpc0=" in running.runtime.ask("show table odd")
        assert [row.server for row in running.runtime.servers("odd")] == ["good"]


def test_the_masters_answers_are_as_whole(here: Place) -> None:
    reason = REASONS[1]
    with listener(refusal(reason)) as port, here.running(here.text(odd(port))) as running:
        master, current = running.managed.master, running.managed.master.processes().current
        assert current is not None
        assert master.runs(current.pid)
        assert (f"unix@{running.runtime.address}", "admin") in master.sockets(current.pid)
        eventually(lambda: reason.decode() in master.ask_worker(current.pid, "show stat"))
