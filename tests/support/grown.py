"""A haproxy.cfg as it grows over the years, and the template that is made of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FILE = """\
# the shop's balancer; ask ana before you touch this
global
    maxconn 2000
    stats socket RUN/admin.sock mode 600 level operator
    hard-stop-after 1h

defaults
    mode http
    option dontlognull
    option forwardfor
    option redispatch
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    default-server inter 1s fall 2

frontend www
    bind 127.0.0.1:PORT
    acl is_api path_beg /api
    acl is_old hdr(host) -i old.example
    http-request set-header X-Forwarded-Proto http
    use_backend api if is_api
    use_backend legacy if is_old
    default_backend web

backend web
    balance roundrobin
    option httpchk HEAD /
    server web1 127.0.0.1:WEB1 check
    server web2 127.0.0.1:WEB2 check

backend api
    balance leastconn
    server api1 127.0.0.1:API1 check weight 50

backend legacy
    server old1 127.0.0.1:WEB1 check
"""
# What a file needs so that servers change at run time and keep their health over reloads.
LINES = {
    "mode 600 level operator\n": "mode 600 level admin\n    server-state-file RUN/haproxy.state\n",
    "    option redispatch\n": (
        "    option redispatch\n    option idle-close-on-response\n"
        "    load-server-state-from-file global\n"
    ),
}
LOOP = """\
{%% for e in service("%s").endpoints %%}
    server {{ e.name }} {{ e.host_port }} check weight {{ 0 if e.draining else e.weight }}
{%% endfor %%}
"""


@dataclass(frozen=True)
class Grown:
    """The file with its sockets in ``run``, and its words replaced by ``places``."""

    run: Path
    places: Mapping[str, int]

    @property
    def by_hand(self) -> str:
        """As it was."""
        return self._at_home(FILE)

    @property
    def driven(self) -> str:
        """By hand still, with the lines that lbdisc wants."""
        text = FILE
        for line, more in LINES.items():
            text = text.replace(line, more)
        return self._at_home(text)

    def _at_home(self, text: str) -> str:
        text = text.replace("RUN", str(self.run))
        for word, port in self.places.items():
            text = text.replace(f":{word}\n", f":{port}\n").replace(f":{word} ", f":{port} ")
        return text


def template_of(text: str) -> str:
    """``text`` with a loop in place of the servers of `web` and `api`."""
    lines: list[str] = []
    for line in text.splitlines(keepends=True):
        name = line.split()[1] if line.startswith("    server ") else ""
        if name in ("web1", "api1"):
            lines.append(LOOP % name[:-1])
        elif name != "web2":
            lines.append(line)
    return "".join(lines)
