"""The page's server as a client meets it: what it answers, whom it turns away, how it ends."""

import asyncio
import json
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from lbdisc import Endpoint, events
from lbdisc.errors import SettingsError
from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers.certificates import NAMES, Authority
from lbdisc_web.app import STATIC
from lbdisc_web.hub import PAGES, OpenPages
from lbdisc_web.listener import WebListener
from lbdisc_web.settings import WebSettings
from lbdisc_web.sources import of_page
from support.web_pages import TOKEN, ServedPage, applied, some

NODE = Endpoint(service="nodes", name="web-1", address="10.0.0.1", port=80)
IMPORTED = re.compile(r'from "\./(\w+\.js)"')


class Served(ServedPage):
    """With a client."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        super().__init__(folder, **settings)
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=30)

    def close(self) -> None:
        self.client.close()
        super().close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with closing(Served(tmp_path)) as made:
        yield made


def told(lines: Iterator[str]) -> tuple[str, Any]:
    """The next server-sent event."""
    kind = next(one for one in lines if one.startswith("event: "))
    return kind.removeprefix("event: "), json.loads(next(lines).removeprefix("data: "))


def test_the_page_is_whole_and_asks_for_nothing_of_others(served: Served) -> None:
    page = served.client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1" in page.text
    files = [path.name for path in STATIC.iterdir() if path.name != "page.html"]
    assert len(files) > 9
    for text in (page.text, *(served.client.get(f"/{name}").text for name in files)):
        assert "https://" not in text
        assert "innerHTML" not in text


def test_every_part_of_the_script_is_asked_for_at_once(served: Served) -> None:
    page = served.client.get("/").text
    asked = re.findall(r'(?:href|src)="(\w+\.js)"', page)
    assert sorted(asked) == sorted(path.name for path in STATIC.glob("*.js"))
    imported = {name for path in STATIC.glob("*.js") for name in IMPORTED.findall(path.read_text())}
    assert imported == {*asked} - {"page.js"}


@pytest.mark.parametrize("path", ["/", "/page.js", "/state.json", "/none"])
def test_every_answer_has_the_headers_that_keep_a_browser_safe(served: Served, path: str) -> None:
    headers = served.client.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_the_state_is_json_with_a_schema(served: Served) -> None:
    served.hear(applied(NODE))
    state = served.client.get("/state.json").json()
    assert state["schema"] == 1
    assert list(state["endpoints"]) == ["nodes/web-1"]
    assert state["verdict"]["word"] == "failed"  # no agent has this folder


def test_a_change_is_told_to_whoever_has_the_page_open(served: Served) -> None:
    with served.client.stream("GET", "/events") as answer:
        lines = answer.iter_lines()
        kind, whole = told(lines)
        assert (kind, whole["endpoints"]) == ("whole", {})
        served.hear(applied(NODE))
        kind, parts = told(lines)
        assert kind == "parts"
        assert list(parts["endpoints"]["put"]) == ["nodes/web-1"]


@pytest.mark.parametrize(
    "host", ["evil.test", "evil.test:80", "", "localhost.evil.test", "[", "::1.evil"]
)
def test_another_name_than_its_own_is_turned_away(served: Served, host: str) -> None:
    answer = served.client.get("/state.json", headers={"Host": host})
    assert answer.status_code in (400, 421)
    assert answer.text.count("\n") <= 1
    assert "endpoints" not in answer.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8405", "lb.test"])
def test_its_own_names_are_taken(tmp_path: Path, host: str) -> None:
    with closing(Served(tmp_path, names=("LB.test",))) as served:
        assert served.client.get("/state.json", headers={"Host": host}).status_code == 200


def test_a_page_of_another_site_gets_nothing(served: Served) -> None:
    asked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert served.client.get("/events", headers=asked).status_code == 403
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert served.client.get("/", headers=link).status_code == 200


def test_beyond_loopback_nothing_is_seen_without_the_token(tmp_path: Path) -> None:
    port = free_port("0.0.0.0")
    token = SecretStr(TOKEN)
    with closing(Served(tmp_path, bind=f"0.0.0.0:{port}", token=token)) as served:
        for path in ("/state.json", "/events"):
            assert served.client.get(path).status_code == 401
            wrong = {"Authorization": "Bearer wrong-token-of-16"}
            assert served.client.get(path, headers=wrong).text == "wrong token\n"
        right = {"Authorization": f"Bearer {TOKEN}"}
        assert TOKEN not in served.client.get("/state.json", headers=right).text
        assert served.client.get("/").status_code == 200  # holds nothing


def test_as_many_pages_as_there_is_room_for_are_open_and_no_more(served: Served) -> None:
    with ExitStack() as stack:
        limits = httpx.Limits(max_connections=PAGES + 9)
        client = httpx.Client(base_url=served.settings.url, trust_env=False, limits=limits)
        stack.enter_context(client)
        asked = [stack.enter_context(client.stream("GET", "/events")) for _ in range(PAGES)]
        lines = [one.iter_lines() for one in asked]
        assert {told(one)[0] for one in lines} == {"whole"}
        refused = client.get("/events")
        assert (refused.status_code, refused.text.count("\n")) == (503, 1)
        served.hear(applied(NODE))
        assert {told(one)[0] for one in lines} == {"parts"}


def test_a_page_that_falls_behind_is_closed() -> None:
    async def scenario() -> None:
        turns = count()
        pages = OpenPages(lambda: {"now_s": 0.0, "endpoints": {}, "turn": next(turns)})
        slow = pages.stream()
        assert (await anext(slow)).startswith(b"event: whole")
        while pages.watched:
            pages.news()
            await asyncio.sleep(0.01)
        assert [text async for text in slow] == []

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_a_reader_that_takes_nothing_delays_nobody(served: Served) -> None:
    many = some(2000)
    served.hear(applied(*many))
    with socket.create_connection(("127.0.0.1", served.port)) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for turn in range(4):
            served.hear(applied(*many[turn:]))
            with served.client.stream("GET", "/events") as answer:
                assert len(told(answer.iter_lines())[1]["endpoints"]) == 2000 - turn


@pytest.mark.parametrize(
    "request_",
    [b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000, b"\x16\x03\x01" * 5000],
    ids=["endless", "no-http"],
)
def test_a_huge_or_broken_request_ends_its_own_connection(served: Served, request_: bytes) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as odd:
        try:
            odd.sendall(request_)
            while odd.recv(4096):
                pass
        except ConnectionError:
            pass
    assert served.client.get("/state.json").status_code == 200


def test_over_tls_it_is_the_same_for_browsers_and_for_the_terminal(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "tls")
    own = authority.issue("page", *NAMES)
    with closing(ServedPage(tmp_path, tls_cert=own.cert, tls_key=own.key)) as served:
        served.hear(applied(*some(2)))
        trust = ssl.create_default_context(cafile=authority.cert)
        answer = httpx.get(f"{served.url}/state.json", verify=trust, trust_env=False)
        assert len(answer.json()["endpoints"]) == 2
        found = of_page(served.settings)
        assert found is not None
        assert len(found["endpoints"]) == 2


def test_a_bad_certificate_is_one_line(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("nothing")
    with pytest.raises(SettingsError, match=r"web\.tls_cert .*: the page stays off"):
        ServedPage(tmp_path, tls_cert=bad, tls_key=bad)


def test_a_port_that_is_taken_is_one_line_and_nothing_else(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        bind = str(other.getsockname()[1])
        with pytest.raises(SettingsError, match=f"web.bind {bind}: Address already in use: the pa"):
            Served(tmp_path, bind=bind)


def test_it_is_off_unless_bound_and_for_a_registrar(tmp_path: Path) -> None:
    started = events.ProgramStarted(program="register", version="1", backend="file")
    for settings in (WebSettings(), WebSettings(bind=str(port := free_port()))):
        listener = WebListener(settings)
        listener.hear(started)
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", port if settings.bind else 9))
        listener.close()


def test_it_ends_at_once_with_pages_open(tmp_path: Path) -> None:
    served = Served(tmp_path)
    with served.client.stream("GET", "/events") as answer:
        lines = answer.iter_lines()
        assert told(lines)[0] == "whole"
        served.listener.close()
        assert not any(lines)
    eventually(lambda: not served.listener.serving, what="the server to end")
    served.client.close()


def acted(served: Served, token: str = TOKEN, **words: Any) -> httpx.Response:
    """What the page says to an action; ``body`` may be anything."""
    body = words.pop("body", json.dumps(words))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return served.client.post("/actions", content=body, headers=headers)


def test_without_a_token_in_the_settings_nobody_acts(served: Served) -> None:
    answer = acted(served, ask="pause", why="because")
    assert (answer.status_code, answer.text) == (
        403,
        "read-only: set web.token or web.token_file for actions\n",
    )


@pytest.mark.parametrize("token", ["", "wrong-token-of-16", "\u00fc" * 16], ids=str)
def test_without_the_token_nobody_acts(tmp_path: Path, token: str) -> None:
    with closing(Served(tmp_path, token=SecretStr(TOKEN))) as served:
        headers = {b"Authorization": b"Bearer " + token.encode()} if token else {}
        asked = json.dumps({"ask": "pause", "why": "because"})
        answer = served.client.post("/actions", content=asked, headers=headers)
        assert answer.status_code == 401
        assert answer.text.count("\n") == 1
        assert served.client.get("/actions").status_code == 404


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"ask": "pause"}, "an action needs a reason: why"),
        ({"ask": "pause", "why": "  "}, "an action needs a reason: why"),
        ({"ask": "pause", "why": "x" * 201}, "why has 201 characters: at most 200"),
        ({"ask": "pin", "why": "x"}, "no action 'pin' (known: pause, resume, drain"),
        ({"ask": "drain", "why": "x", "file": "/etc/passwd"}, "an action has no 'file'"),
        ({"ask": "drain", "why": "x", "for_s": "1h"}, "for_s '1h' is to be a number"),
        ({"body": "[" * 3000}, "an action is a JSON object"),
        ({"body": "x" * 5000}, "an action has at most 4096 bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_action_is_one_line(tmp_path: Path, words: dict[str, Any], said: str) -> None:
    with closing(Served(tmp_path, token=SecretStr(TOKEN))) as served:
        answer = acted(served, **words)
        assert answer.status_code == 400
        assert answer.text.startswith(said)
        assert answer.text.count("\n") == 1


def test_an_action_that_no_agent_hears_is_one_line(tmp_path: Path) -> None:
    with closing(Served(tmp_path, token=SecretStr(TOKEN))) as served:
        answer = acted(served, ask="pause", why="because")
        assert (answer.status_code, answer.text.count("\n")) == (503, 1)
        assert "no agent answers in state_dir" in answer.text
