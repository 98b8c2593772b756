"""Every form of `stats socket`: dialled, or changes go by reload; HAProxy is never ended for it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lbdisc import Rendered
from lbdisc.haproxy.reloader import HaproxyReloader
from lbdisc.haproxy.settings import HaproxySettings
from lbdisc.planned import AtRuntime, How, Reload
from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from support.certificates import certified
from support.haproxies import Place, place

DIALLED = {
    "a path": "DIR/a.sock",
    "unix@": "unix@DIR/a.sock",
    "uxst@": "uxst@DIR/a.sock",
    "stream+unix@": "stream+unix@DIR/a.sock",
    "abns@": "abns@lbdisc-PORT",
    "a port": "127.0.0.1:PORT",
    "ipv4@": "ipv4@127.0.0.1:PORT",
    "ipv4@*": "ipv4@*:PORT",
    "*:port": "*:PORT",
    ":port": ":PORT",
    "ipv6@": "ipv6@::1:PORT",
    "[::1]": "[::1]:PORT",
    "::1": "::1:PORT",
    ":::port": ":::PORT",
    "tcp@": "tcp@127.0.0.1:PORT",
    "localhost": "localhost:PORT",
    "a range": "127.0.0.1:PORT-PORT",
    "two in one": "127.0.0.1:PORT,DIR/a.sock",
    "quotes": "'DIR/a b.sock'",
    "an escape": r"DIR/a\ b.sock",
    "a hexadecimal escape": r"DIR/\x61.sock",
    "a variable": '"${FOLDER}/a.sock"',
    "a variable without braces": '"$FOLDER/a.sock"',
    "a variable without quotes": "${FOLDER}/a.sock",
    "a variable for a port": '127.0.0.1:"${NUMBER}"',
    "a default": '"${NOWHERE-DIR/a.sock}"',
}
MORE = {
    "the second of two": "DIR/u.sock level user\n  stats socket DIR/a.sock level admin",
    "with listeners": "DIR/a.sock expose-fd listeners level admin",
    "with severities": "DIR/a.sock severity-output number level admin",
    "the last of two levels": "DIR/a.sock level user level admin",
    "a level that is a variable": 'DIR/a.sock level "${LEVEL}"',
    "with chroot": "DIR/a.sock level admin\n  chroot DIR",
    "with a prefix for binds": "DIR/a.sock level admin\n  unix-bind prefix /nowhere",
    "set in the text": '"${SET}/a.sock" level admin',
    "one connection": "DIR/a.sock level admin\n  stats maxconn 1",
}
TAKING = {name: f"{address} level admin" for name, address in DIALLED.items()} | MORE
CLOSED = {
    "no socket": ("", "no 'stats socket'"),
    "TLS": ("127.0.0.1:PORT ssl crt DIR/site.pem level admin", "talks TLS"),
    "PROXY protocol": ("DIR/a.sock accept-proxy level admin", "PROXY protocol"),
    "level user": ("DIR/a.sock level admin level user", "no 'stats socket'"),
    "no level": ("DIR/a.sock", "no 'stats socket'"),
    "a level user that is a variable": ('DIR/a.sock level "${USER_LEVEL}"', "variables"),
}


class Managed:
    """A reloader in managed mode with the `stats socket` of one form."""

    def __init__(self, here: Place, words: str) -> None:
        self.port = free_port()
        self.config = here.folder / "haproxy.cfg"
        self._socket = words.replace("DIR", str(here.folder)).replace("PORT", str(free_port()))
        self._first = f"  setenv SET {here.folder}\n"
        settings = HaproxySettings(
            binary=here.binary,
            master_socket=str(here.folder / "m.sock"),
            worker_file=str(here.folder / "worker.json"),
            on_stop="stop",
        )
        self.reloader = HaproxyReloader(settings)

    def bring(self, servers: int) -> How:
        """How a text with so many servers came to run."""
        line = f"  stats socket {self._socket}\n" if self._socket else ""
        lines = "".join(f"  server s{n} 127.0.0.1:9\n" for n in range(servers))
        self.text = (
            f"global\n{self._first}{line}defaults\n  mode http\n  timeout connect 1s\n"
            f"  timeout client 5s\n  timeout server 5s\nlisten b\n  bind 127.0.0.1:{self.port}\n"
            f"{lines}"
        )
        return self.reloader.apply(self.reloader.plan(self.config, None, Rendered(self.text))).how

    def verified(self) -> str:
        return self.reloader.verify(Rendered(self.text), thorough=True)

    @property
    def process(self) -> int:
        managed = self.reloader._workers.managed
        return managed.pid if managed else 0


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with place("system") as found:
        monkeypatch.setenv("FOLDER", str(found.folder))
        monkeypatch.setenv("NUMBER", str(free_port()))
        monkeypatch.setenv("LEVEL", "admin")
        monkeypatch.setenv("USER_LEVEL", "user")
        (found.folder / "site.pem").write_text(certified("one.test"))
        yield found


@contextmanager
def served(here: Place, words: str) -> Iterator[tuple[Managed, int]]:
    """The reloader, and the process id of the HAProxy that it started."""
    managed = Managed(here, words)
    try:
        managed.bring(1)
        yield managed, managed.process
        eventually(lambda: not managed.reloader.behind(), what="the file follows")
    finally:
        managed.reloader.close()


@pytest.mark.parametrize(
    "words",
    [*(f"{address} level admin" for address in DIALLED.values()), *MORE.values()],
    ids=[*DIALLED, *MORE],
)
def test_a_form_that_can_be_dialled_takes_orders(here: Place, words: str) -> None:
    with served(here, words) as (managed, process):
        assert isinstance(managed.bring(2), AtRuntime)
        assert managed.verified() == ""
        assert managed.process == process


@pytest.mark.parametrize(("words", "why"), CLOSED.values(), ids=CLOSED)
def test_where_none_can_be_dialled_changes_are_reloads(here: Place, words: str, why: str) -> None:
    with served(here, words) as (managed, process):
        how = managed.bring(2)
        assert isinstance(how, Reload)
        assert why in how.detail
        assert managed.verified() == ""
        assert managed.process == process
