"""An agent whose HAProxy reads files that lbdisc does not write: a certificate, a map, a page."""

import hashlib
import ssl
from pathlib import Path

from lbdisc import atomic
from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers.certificates import Authority
from support import https
from support.scene import Scene

DEFAULT = Path(__file__).parents[2] / "templates" / "haproxy.cfg.j2"
FRONTEND = """
{#- [vars]
port = { type = "whole number" }
own = { type = "text" }
-#}

frontend beside
    bind 127.0.0.1:{{ vars.port }} ssl crt {{ (vars.own ~ "/site.pem") | quote }}
    acl shut path -f {{ (vars.own ~ "/shut.list") | quote }}
    http-request return status 200 content-type text/plain lf-string \
%[path,map({{ (vars.own ~ "/names.map") | quote }},nobody)] if !shut
    errorfile 503 {{ (vars.own ~ "/503.http") | quote }}
    default_backend none

backend none
"""
PAGE = "HTTP/1.0 503 Service Unavailable\r\nContent-Type: text/plain\r\n\r\n{}\n"


class Beside(Scene):
    """A scene with these files in `own`, replaced by renaming."""

    def __init__(self, folder: Path) -> None:
        self.tls_port = free_port()
        self.own = folder / "own"
        self.own.mkdir()
        self.authority = Authority(folder / "authority")
        self.renew()
        self.put("names.map", "/one 1\n")
        self.put("shut.list", "/shut\n")
        self.put("503.http", PAGE.format("shut"))
        (folder / "own.j2").write_text(DEFAULT.read_text() + FRONTEND)
        super().__init__(folder)

    def write_settings(self, **tables: object) -> None:
        template = {"template": str(self.folder / "own.j2")}
        variables = {"port": self.tls_port, "own": str(self.own)}
        super().write_settings(jinja2=template, vars=variables, **tables)  # type: ignore[arg-type]

    def put(self, name: str, text: str) -> None:
        atomic.write(self.own / name, text)

    def pem(self) -> str:
        """A new certificate with its key."""
        made = self.authority.issue("site", "site")
        return made.pem

    def renew(self) -> None:
        """Put a new certificate into place."""
        self.put("site.pem", self.pem())

    def presents(self, name: str = "site.pem") -> bool:
        """Whether clients are shown the certificate in this file."""
        shown = ssl.get_server_certificate(("127.0.0.1", self.tls_port), timeout=5)
        wanted = (self.own / name).read_text().partition("-----BEGIN PRIVATE")[0]
        return _digest(shown) == _digest(wanted)

    def get(self, path: str) -> str:
        return https.get(self.tls_port, path)

    def until_refused(self, words: str) -> None:
        """Until a file is refused for a reason with these words."""

        def said() -> bool:
            return any(words in refused["error"] for refused in self.status["refused"])

        eventually(said, what=f"a file that is refused: {words}")


def _digest(pem: str) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.strip())).hexdigest()
