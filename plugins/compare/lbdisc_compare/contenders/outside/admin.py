"""HTTP over a Unix socket, and what Envoy tells of its nodes there."""

import http.client
import json
import socket
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from lbdisc.errors import LbdiscError
from lbdisc_compare.contenders.contender import ServerState
from lbdisc_compare.contenders.outside.envoy_files import CLUSTER

ANSWER = 2.0  # seconds


class AdminError(LbdiscError):
    """Envoy did not answer, or not as expected."""


class _Local(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWER)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(ANSWER)
        self.sock.connect(str(self._path))


def asked(path: Path, what: str) -> str:
    """The answer to ``GET what``. Raises ``AdminError``."""
    with closing(_Local(path)) as connection:
        try:
            connection.request("GET", what)
            reply = connection.getresponse()
            text = reply.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise AdminError(f"{path}: {error}") from error
    if reply.status != http.HTTPStatus.OK:
        raise AdminError(f"{path}: {reply.status} {text[:80]}")
    return text


def is_ready(path: Path) -> bool:
    try:
        return asked(path, "/ready").strip() == "LIVE"
    except AdminError:
        return False


def envoy_servers(path: Path) -> Mapping[str, ServerState]:
    """The nodes of the cluster, by the host names of its endpoints. Raises ``AdminError``."""
    clusters = json.loads(asked(path, "/clusters?format=json"))["cluster_statuses"]
    found: Mapping[str, Any] = next((one for one in clusters if one["name"] == CLUSTER), {})
    return {host["hostname"]: _state(host) for host in found.get("host_statuses", ())}


def _state(host: Mapping[str, Any]) -> ServerState:
    health = host.get("health_status", {})
    if health.get("eds_health_status") == "DRAINING":
        return "draining"
    failed = (said for name, said in health.items() if name.startswith(("failed_", "pending_")))
    return "down" if any(failed) else "up"
