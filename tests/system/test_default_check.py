"""What the default template's check asks of an app: nothing but a connection, unless it is told."""

import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from lbdisc.testing.processes import Process, accepts, free_port
from lbdisc.testing.waiting import eventually
from support.scene import Scene

# http.server answers 501 to a method that it does not know.
APP = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class App(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(404 if self.path == "/gone" else 200)
        self.end_headers()
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), App).serve_forever()
"""


class Plain(Scene):
    """A scene that says nothing of the check."""

    def variables(self) -> dict[str, Any]:
        return {name: value for name, value in super().variables().items() if name != "check"}


@contextmanager
def serving(folder: Path, **variables: str) -> Iterator[Scene]:
    """An agent with one app that knows GET alone."""
    port = free_port()
    command = [sys.executable, "-c", APP, str(port)]
    with (
        Process(command, log=folder / "app.log", ready=lambda: accepts(port)),
        Plain(folder, vars=variables) as scene,
    ):
        scene.list("s1", port)
        scene.agent()
        yield scene


def answer(scene: Scene) -> int:
    try:
        with urllib.request.urlopen(scene.url, timeout=10) as found:
            return int(found.status)
    except HTTPError as error:
        return error.code


@pytest.mark.parametrize("variables", [{}, {"check": "/"}, {"check": "GET /"}])
def test_an_app_without_head_is_served(tmp_path: Path, variables: dict[str, str]) -> None:
    with serving(tmp_path, **variables) as scene:
        scene.until_up("s1")
        assert answer(scene) == 200


@pytest.mark.parametrize("check", ["HEAD /", "/gone"])
def test_a_check_that_the_app_fails_takes_it_out(tmp_path: Path, check: str) -> None:
    with serving(tmp_path, check=check) as scene:
        eventually(lambda: scene.servers()["s1"].startswith("DOWN"))
        assert answer(scene) == 503
