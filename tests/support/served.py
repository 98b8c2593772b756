"""A real HAProxy on the default template, led by plans, and nodes that tell what reached them."""

import socket
import ssl
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any, Self
from urllib.error import HTTPError

from lbdisc import Endpoint, Snapshot
from lbdisc.builtin.jinja2.renderer import JinjaRenderer, JinjaSettings
from lbdisc.haproxy.planning.plan import Plan, plan
from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers.certificates import Authority
from support.haproxies import Place, Running, free_port

NAME = "nodes.example"


class Served:
    """One service `web`: ``port`` is that of http_bind, ``own`` is for a bind of its own."""

    def __init__(self, here: Place, stack: ExitStack) -> None:
        self.here = here
        self.port, self.own, self.stats = free_port(), free_port(), free_port()
        self._stack = stack
        self.authority = Authority(here.folder)
        self.ca = str(self.authority.cert)
        self.crt = self.pem("node", NAME)
        (here.folder / "haproxy.state").write_text("1\n")
        self.text = ""

    def pem(self, name: str, *names: str) -> str:
        """A file with a certificate for ``names`` and its key."""
        made = self.authority.issue(name, *names)
        both = self.here.folder / f"{name}-both.pem"
        both.write_text(made.pem)
        return str(both)

    def node(self, name: str, bind: str = "", *lines: str, **parts: Any) -> Endpoint:
        """A node that runs: a HAProxy that answers what it was asked; ``lines`` are its rules."""
        port = free_port()
        rules = lines or (
            "http-request return status 200 content-type text/plain lf-string "
            f'"{name} %[src] %[ssl_fc_sni] %[req.hdr(host)]"',
        )
        body = "".join(f"  {line}\n" for line in (f"bind 127.0.0.1:{port} {bind}", *rules))
        text = self.here.text(f"frontend {name}\n{body}", name=name)
        self._stack.enter_context(self.here.running(text, name=name))
        return self.at(name, port, **parts)

    def at(self, name: str, port: int, **parts: Any) -> Endpoint:
        return Endpoint(service="web", name=name, address="127.0.0.1", port=port, **parts)

    def render(self, web: Mapping[str, Any], *endpoints: Endpoint, **others: Any) -> str:
        variables = {
            "http_bind": f"127.0.0.1:{self.port}",
            "stats_bind": f"127.0.0.1:{self.stats}",
            "cli_bind": "",
            "check_inter": "100ms",
            "services": {"web": dict(web)} if web else {},
            **others,
        }
        settings = JinjaSettings(services=("web",), state_dir=self.here.folder, vars=variables)
        return JinjaRenderer(settings).render(Snapshot.of(endpoints)).text

    def start(self, text: str) -> Self:
        self.text = text
        self.running: Running = self._stack.enter_context(self.here.running(text, name="lb"))
        return self

    def bring(self, text: str) -> Plan:
        """To ``text``, at run time."""
        planned = plan(self.text, text, features=self.running.runtime.features())
        assert planned.how == "runtime", planned.detail
        self.running.runtime.run(planned.commands)
        self.text = text
        return planned

    def rows(self) -> dict[str, Mapping[str, str]]:
        """Of `show stat`: the fields of each server of `web`."""
        found = self.running.runtime.stats("web")
        return {row.name: row.fields for row in found if row.kind == "server"}

    def until(self, **status: str) -> None:
        """Until these servers are ``UP``, ``DOWN``, … as their checks say."""
        eventually(partial(self._is, status), what=str(status))

    def _is(self, status: Mapping[str, str]) -> bool:
        rows = self.rows()
        return all(
            rows[name]["status"].startswith(wanted)
            and rows[name]["check_status"] not in ("", "INI")
            for name, wanted in status.items()
        )

    def get(self, port: int = 0, path: str = "/", **headers: str) -> str:
        """The answer, or its status where it is none of 200 to 299."""
        url = f"http://127.0.0.1:{port or self.port}{path}"
        asked = urllib.request.Request(url, headers=headers)
        try:
            with urllib.request.urlopen(asked, timeout=10) as got:
                return str(got.read().decode())
        except HTTPError as error:
            return str(error.code)

    def over_tls(self, port: int, name: str = NAME) -> str:
        """The answer to one who asks for ``name`` and trusts the authority."""
        trusted = ssl.create_default_context(cafile=self.ca)
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            trusted.wrap_socket(plain, server_hostname=name) as client,
        ):
            client.sendall(f"GET / HTTP/1.0\r\nHost: {name}\r\n\r\n".encode())
            said = b"".join(iter(lambda: client.recv(4096), b""))
        return said.partition(b"\r\n\r\n")[2].decode()
