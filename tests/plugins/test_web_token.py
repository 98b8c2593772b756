"""The token stays where it was given, whatever is done with it: a real agent, seen from outside."""

import base64
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from support.scene import LBDISC, Scene
from support.web_pages import TOKEN

WRONG = "wrong-token-of-16-signs"
SPELLINGS = [TOKEN[2:], base64.b64encode(TOKEN.encode()).decode()[:20], WRONG[2:]]


class Guarded(Scene):
    """Page, metrics and history are on, and the log tells everything."""

    def __init__(self, folder: Path) -> None:
        self.web, self.metrics = free_port(), free_port()
        self.token = folder / "web.token"
        self.token.write_text(TOKEN)
        self.token.chmod(0o600)
        super().__init__(
            folder,
            web={"bind": str(self.web), "token_file": str(self.token)},
            metrics={"bind": str(self.metrics)},
            log={"level": "debug"},
        )
        self.page = f"http://127.0.0.1:{self.web}"

    def act(self, token: str, **words: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self.page}/actions"
        return httpx.post(url, json=words, headers=headers, trust_env=False, timeout=30)

    def raw(self, request: str) -> bytes:
        """What is answered to exactly this."""
        with socket.create_connection(("127.0.0.1", self.web), timeout=30) as client:
            client.sendall(request.replace("\n", "\r\n").encode())
            found = b""
            while part := client.recv(65536):
                found += part
            return found


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Guarded]:
    with Guarded(tmp_path) as made:
        made.join("web-1", "web-2")
        made.agent()
        made.until_up("web-1", "web-2")
        yield made


def misplaced(scene: Guarded) -> list[bytes]:
    """What is answered to those who put it elsewhere."""
    basic = base64.b64encode(f"{TOKEN}:{TOKEN}".encode()).decode()
    asked = (
        f"GET /?token={TOKEN} HTTP/1.1\nHost: localhost",
        f"GET /state.json?token={TOKEN} HTTP/1.1\nHost: localhost",
        f"GET /events?have={TOKEN} HTTP/1.1\nHost: {TOKEN}",
        f"GET /{TOKEN} HTTP/1.1\nHost: localhost",
        f"GET http://{TOKEN}@localhost/state.json HTTP/1.1\nHost: {TOKEN}@localhost",
        f"GET /state.json HTTP/1.1\nHost: {TOKEN.upper()}.test",
        f"GET / HTTP/1.1\nHost: localhost\nAuthorization: Basic {basic}",
        f"POST /actions HTTP/1.1\nHost: localhost\nAuthorization: Basic {basic}",
        f"POST /actions HTTP/1.1\nHost: localhost\nAuthorization: {TOKEN}",
        f"POST /actions?token={TOKEN} HTTP/1.1\nHost: localhost\nCookie: token={TOKEN}",
        f"{TOKEN} / HTTP/1.1\nHost: localhost",
        f"GET / HTTP/{TOKEN}\nHost: localhost",
    )
    return [scene.raw(f"{words}\nConnection: close\n\n") for words in asked]


def used(scene: Guarded) -> list[bytes]:
    """What is answered to the right one, and to an order in which it stands."""
    return [
        answer.content
        for answer in (
            scene.act(TOKEN, ask="drain", what="nodes/web-2", why="its disk"),
            scene.act(WRONG, ask="pause", why="no reason"),
            *(
                scene.act(TOKEN, **words)
                for words in (
                    {"ask": "pause", "why": f"the token is {TOKEN}"},
                    {"ask": "drain", "what": f"nodes/{TOKEN}", "why": "a slip"},
                    {"ask": TOKEN, "why": "a slip"},
                    {"ask": "pause", "why": "a slip", TOKEN: 1},
                )
            ),
        )
    ]


def leaks(text: bytes) -> bool:
    return any(spelling.lower().encode() in text.lower() for spelling in SPELLINGS)


def held(scene: Guarded) -> list[str]:
    """The files that hold any of it, but for the one that the operator wrote."""
    files = [path for path in scene.folder.rglob("*") if path.is_file() and path != scene.token]
    return sorted(path.name for path in files if leaks(path.read_bytes()))


def test_it_is_nowhere_in_what_the_agent_writes_and_says(scene: Guarded) -> None:
    answers = misplaced(scene) + used(scene)
    eventually(lambda: scene.status["overruled"], what="the drain in the status")
    eventually(lambda: b"its disk" in journal(scene), what="the drain in the journal")
    for url in (f"{scene.page}/", f"{scene.page}/state.json", metrics(scene)):
        answers.append(httpx.get(url, trust_env=False, timeout=30).raise_for_status().content)
    for words in (["status"], ["status", "--json"], ["top"], ["top", "--json"], ["history"]):
        answers.append(said(scene, *words))
    for words in (["why", "web-2"], ["config", "show"], ["config", "export"], ["doctor"]):
        answers.append(said(scene, *words))
    assert [answer for answer in answers if leaks(answer)] == []
    assert held(scene) == []
    command_line = Path(f"/proc/{scene.status['pid']}/cmdline").read_bytes()
    assert TOKEN.encode() not in command_line


def test_an_order_in_which_it_stands_is_refused_in_one_line(scene: Guarded) -> None:
    answer = scene.act(TOKEN, ask="pause", why=f"the token is {TOKEN}")
    assert answer.status_code == 400
    assert answer.text == (
        "the token stands in the action: it is given in the header Authorization alone\n"
    )
    assert scene.status["paused"] is None


def metrics(scene: Guarded) -> str:
    return f"http://127.0.0.1:{scene.metrics}/metrics"


def journal(scene: Guarded) -> bytes:
    files = (path for path in (scene.state / "history").rglob("*") if path.is_file())
    return b"".join(path.read_bytes() for path in files)


def said(scene: Guarded, *words: str) -> bytes:
    """On both outputs of a command."""
    command = [LBDISC, *words, "--config", str(scene.settings)]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert done.stdout, done.stderr
    return done.stdout + done.stderr
