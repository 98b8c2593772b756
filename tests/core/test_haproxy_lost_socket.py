"""A runtime socket whose file went, as the configuration's text tells of it."""

import socket
from pathlib import Path

import pytest

from lbdisc.haproxy.language.text import parse
from lbdisc.haproxy.lost_socket import lost_socket, spelled_anew

TEXT = """global
    stats socket {path} mode 600 level admin
    server-state-file {path}.state
frontend web
    bind 127.0.0.1:80
"""


@pytest.mark.parametrize("kind", ["", "unix@"])
def test_only_the_sockets_own_line_is_spelled_another_way(kind: str) -> None:
    text = TEXT.format(path=f"{kind}/run/lb/haproxy.sock")
    expected = text.replace("/haproxy.sock mode", "//haproxy.sock mode")
    assert spelled_anew(text, parse(text)) == expected


def test_a_line_ends_in_a_newline_alone() -> None:
    text = "# a page\x0cbreak, \x85 and \u2028\r\n" + TEXT.format(path="/run/lb/haproxy.sock")
    expected = text.replace("/haproxy.sock mode", "//haproxy.sock mode")
    assert spelled_anew(text, parse(text)) == expected


def test_a_socket_that_is_there_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "haproxy.sock"
    model = parse(TEXT.format(path=path))
    assert lost_socket(model.runtime_socket) == str(path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        assert lost_socket(model.runtime_socket) == ""


def test_a_socket_without_a_file_is_never_lost() -> None:
    assert lost_socket("127.0.0.1:9999") == ""
    assert lost_socket("") == ""
