"""Real load balancers for the reloaders' suite: HAProxy and nginx, killed by their process ids."""

from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import psutil

from lbdisc.rendered import Rendered
from lbdisc.testing.balancer import Balancer, BalancerAbility
from lbdisc.testing.processes import free_port
from lbdisc.values import Endpoint

FREE = "sh -c '! ss -Htn state established dst {address}:{port} | grep -q .'"


class Processes(Balancer):
    """Whatever mentions ``folder`` in its command line is the load balancer's."""

    program: ClassVar[str]

    def __init__(self, folder: Path, file: str) -> None:
        self.folder = folder
        (folder / "conf").mkdir()
        self.config = folder / "conf" / file
        self.port = free_port()

    def _all(self) -> list[psutil.Process]:
        """Those with the folder in their command line, and their children."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                words = " ".join(process.cmdline())
                if self.program in words and str(self.folder) in words:
                    found += [process, *process.children(recursive=True)]
        return found

    def killed(self) -> None:
        doomed = self._all()
        for process in doomed:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(doomed, self.patience)

    def close(self) -> None:
        self.killed()


class HaproxyBalancer(Processes):
    name = "haproxy"
    program = "haproxy"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "haproxy.cfg")

    def settings(self) -> dict[str, object]:
        return {"state_dir": str(self.folder), "haproxy.on_stop": "stop"}

    def _text(self, body: str, more: str = "") -> str:
        return (
            f"global\n  stats socket {self.folder}/run.sock mode 600 level admin\n"
            "defaults\n  mode http\n  timeout connect 1s\n  timeout client 30s\n"
            f"  timeout server 30s\nfrontend front\n  bind 127.0.0.1:{self.port}\n{body}{more}"
        )

    def _returning(self, what: str) -> str:
        return f"  http-request return status 200 content-type text/plain {what}\n"

    def answering(self, word: str) -> Rendered:
        return Rendered(self._text(self._returning(f"string {word}")))

    def refused(self) -> Rendered:
        return Rendered(self._text("  brand-new 1\n"))

    def stuck(self, taken: int) -> Rendered:
        more = f"frontend more\n  bind 127.0.0.1:{taken}\n  http-request deny\n"
        return Rendered(self._text(self._returning("string stuck"), more))

    def further(self, word: str) -> Rendered:
        path = self.config.parent / "texts" / "word.txt"
        return Rendered(self._text(self._returning(f"file {path}")), (("texts/word.txt", word),))

    def balancing(self, endpoint: Endpoint) -> Rendered:
        weight = 0 if endpoint.draining else 100
        server = f"  server {endpoint.name} {endpoint.host_port} weight {weight}\n"
        body = f"  default_backend {endpoint.service}\nbackend {endpoint.service}\n{server}"
        return Rendered(self._text(body))


class CommandBalancer(HaproxyBalancer):
    """HAProxy as someone runs it who has only commands for it."""

    name = "command"

    def settings(self) -> dict[str, object]:
        pid = f"{self.folder}/haproxy.pid"
        return {
            "command.check": "haproxy -c -q -f {file}",
            "command.reload": f"sh -c 'haproxy -D -f {{file}} -p {pid} -sf $(cat {pid})'",
            "command.verify": f"sh -c 'kill -0 $(cat {pid})'",
            "command.drained": FREE,
        }


class NginxBalancer(Processes):
    """nginx by its own commands, started by the first of them that finds none."""

    name = "command"
    program = "nginx"
    cannot: ClassVar[dict[BalancerAbility, str]] = {
        "stuck": "`nginx -s reload` does not tell whether the new configuration came to life",
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "nginx.conf")

    def settings(self) -> dict[str, object]:
        reload = (
            f"nginx -s reload -c {{file}} -p {self.folder} || nginx -c {{file}} -p {self.folder}"
        )
        return {
            "command.check": f"nginx -t -q -c {{file}} -p {self.folder}",
            "command.reload": f"sh -c '{reload}'",
            "command.verify": f"sh -c 'kill -0 $(cat {self.folder}/nginx.pid)'",
            "command.drained": FREE,
        }

    def _text(self, location: str, more: str = "") -> str:
        places = "".join(
            f"  {name}_temp_path {self.folder}/{name};\n"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        return (
            f"pid {self.folder}/nginx.pid;\nerror_log {self.folder}/error.log;\n"
            f"events {{}}\nhttp {{\n  access_log off;\n{places}{more}"
            f"  server {{\n    listen 127.0.0.1:{self.port};\n    {location}\n  }}\n}}\n"
        )

    def answering(self, word: str) -> Rendered:
        return Rendered(self._text(f'location / {{ return 200 "{word}"; }}'))

    def refused(self) -> Rendered:
        return Rendered(self._text("brand new;"))

    def further(self, word: str) -> Rendered:
        include = f"include {self.config.parent}/more/word.conf;"
        text = f'location / {{ return 200 "{word}"; }}\n'
        return Rendered(self._text(include), (("more/word.conf", text),))

    def balancing(self, endpoint: Endpoint) -> Rendered:
        state = " down" if endpoint.draining else ""
        upstream = f"  upstream nodes {{ server {endpoint.host_port}{state}; }}\n"
        return Rendered(self._text("location / { proxy_pass http://nodes; }", upstream))
