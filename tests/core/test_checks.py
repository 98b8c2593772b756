"""What tells whether an instance serves."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from lbdisc.errors import SettingsError
from lbdisc.register.checks import CommandCheck, HttpCheck, TcpCheck, parse
from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint


def at(port: int, address: str = "127.0.0.1") -> Endpoint:
    return Endpoint(service="web", name="one", address=address, port=port)


def ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Server(ThreadingHTTPServer):
    """Notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.seen: list[tuple[str, str]] = []


class Answers(BaseHTTPRequestHandler):
    """Answers ``/STATUS`` with that status."""

    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.seen.append((self.path, self.headers["Host"]))
        status = self.path.split("?")[0].strip("/") or "200"
        self.send_response(int(status))
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def http_server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def listener(
    family: socket.AddressFamily = socket.AF_INET, host: str = "127.0.0.1"
) -> Iterator[int]:
    with socket.socket(family) as server:
        server.bind((host, 0))
        server.listen()
        yield server.getsockname()[1]


def test_none_passes_though_nobody_listens() -> None:
    assert parse("none", timeout=1)(at(free_port())) == ""


def test_tcp_passes_when_the_endpoint_accepts() -> None:
    with listener() as port:
        assert parse("tcp", timeout=5)(at(port)) == ""


def test_tcp_tells_where_nobody_listens() -> None:
    port = free_port()
    assert parse("tcp", timeout=5)(at(port)) == f"127.0.0.1:{port}: Connection refused"


def test_tcp_url_looks_elsewhere() -> None:
    with listener() as port:
        assert parse(f"tcp://127.0.0.1:{port}", timeout=5)(at(free_port())) == ""


def test_ipv6_is_checked_and_shown_in_brackets() -> None:
    with listener(socket.AF_INET6, "::1") as port:
        assert parse("tcp", timeout=5)(at(port, "::1")) == ""
        assert parse(f"tcp://[::1]:{port}", timeout=5)(at(1)) == ""
    assert parse("tcp", timeout=5)(at(port, "::1")).startswith(f"[::1]:{port}: ")


@pytest.mark.parametrize("status", [200, 204, 302, 399])
def test_http_passes_with_2xx_and_3xx(status: int) -> None:
    with http_server() as server:
        assert parse(f"/{status}", timeout=5)(at(server.server_port)) == ""


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_http_fails_with_other_statuses_and_names_them(status: int) -> None:
    with http_server() as server:
        why = parse(f"/{status}", timeout=5)(at(server.server_port))
    assert why == f"127.0.0.1:{server.server_port}: status {status}"


def test_http_url_asks_its_own_host_with_path_and_query() -> None:
    with http_server() as server:
        port = server.server_port
        assert parse(f"http://localhost:{port}/200?a=b", timeout=5)(at(free_port())) == ""
        assert server.seen == [("/200?a=b", f"localhost:{port}")]


def test_a_server_that_accepts_and_never_answers_fails_http() -> None:
    with listener() as port:
        why = parse("/", timeout=0.1)(at(port))
    assert why == f"127.0.0.1:{port}: no answer within 0.1 s"


def test_what_is_no_http_is_told_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            with server.accept()[0] as connection:
                connection.recv(4096)
                connection.sendall(b"220 mail\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        why = parse("/", timeout=5)(at(server.getsockname()[1]))
        thread.join()
    assert "no HTTP answer" in why


def test_https_without_a_trusted_certificate_fails() -> None:
    with http_server() as server:
        why = parse(f"https://127.0.0.1:{server.server_port}/", timeout=5)(at(1))
    assert "SSL" in why


def test_a_command_passes_with_exit_code_0() -> None:
    assert parse("sh -c 'exit 0'", timeout=10)(at(1)) == ""


def test_a_failing_command_tells_its_code_and_last_words() -> None:
    why = parse("sh -c 'echo one; echo disk full >&2; exit 3'", timeout=10)(at(1))
    assert why == "sh: exit code 3, 'disk full'"


def test_a_killed_command_names_the_signal() -> None:
    assert parse("sh -c 'kill -9 $$'", timeout=10)(at(1)) == "sh: ended by signal 9"


def test_a_command_that_says_much_is_not_blocked() -> None:
    assert parse("sh -c 'head -c 1000000 /dev/zero'", timeout=20)(at(1)) == ""


def test_no_shell_reads_a_command() -> None:
    assert parse("test '$HOME' = '$HOME'", timeout=10)(at(1)) == ""


def test_a_slow_command_is_killed_with_its_whole_group(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    command = f"sh -c 'sleep 300 & echo $! > {note}; wait'"
    why = parse(command, timeout=1)(at(1))
    assert why == "sh: not done within 1 s, killed"
    child = int(note.read_text())
    eventually(lambda: ended(child))


def test_a_running_command_is_killed_when_checks_are_to_stop() -> None:
    stop = threading.Event()
    check = parse("sleep 300", timeout=300, stop=stop)
    threading.Timer(0.05, stop.set).start()
    check(at(1))
    assert stop.is_set()


def test_a_command_that_closes_its_output_is_waited_for() -> None:
    assert parse("sh -c 'exec >&- 2>&-; sleep 0.1; exit 4'", timeout=20)(at(1)) == "sh: exit code 4"


def test_what_a_command_leaves_behind_is_killed_and_not_waited_for(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    assert parse(f"sh -c 'sleep 300 & echo $! > {note}'", timeout=20)(at(1)) == ""
    child = int(note.read_text())
    eventually(lambda: ended(child))


def test_a_command_that_vanished_is_a_failure(tmp_path: Path) -> None:
    program = tmp_path / "check"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    check = parse(str(program), timeout=5)
    program.unlink()
    assert "No such file" in check(at(1))


def test_no_descriptor_is_left_by_any_check() -> None:
    own = psutil.Process()
    with http_server() as server, listener() as port:
        checks = [
            parse(text, timeout=0.2)
            for text in ("tcp", "/200", f"http://127.0.0.1:{port}/", "true", "sleep 5")
        ]
        for check in checks:
            check(at(server.server_port))
        before = own.num_fds()
        for check in checks:
            check(at(server.server_port))
        assert own.num_fds() <= before


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("tcp", TcpCheck),
        ("TCP://h:1", TcpCheck),
        ("http://h/", HttpCheck),
        ("/health?full=1", HttpCheck),
        ("true http://h/", CommandCheck),
        ("/bin/sh -c true", CommandCheck),
    ],
)
def test_the_kind_follows_from_the_text(text: str, kind: type) -> None:
    assert isinstance(parse(text, timeout=1), kind)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ftp://host/", "unknown check scheme 'ftp'"),
        ("tcp://host", "tcp://HOST:PORT"),
        ("tcp://host:1/path", "tcp://HOST:PORT"),
        ("tcp://host:99999", "Port out of range"),
        ("http:///path", "no host"),
        ("http://user:secret@host/", "a URL with a user"),
        ("http://h/a b", "no HTTP path"),
        ("/no/such/program --flag", "no such program"),
        ("no-such-program --flag", "no program 'no-such-program'"),
        ("sh -c 'open", "No closing quotation"),
        ("  ", "empty check"),
    ],
)
def test_a_bad_check_is_one_clear_line(text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(text, timeout=1)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
