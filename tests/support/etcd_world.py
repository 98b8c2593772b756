"""etcd as a world: how it is written to, read and hurt."""

import base64
import json
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from lbdisc import records
from lbdisc.testing.proxy import FaultProxy
from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers import etcd
from lbdisc_lab.servers.etcd import EtcdCluster
from lbdisc_lab.servers.etcd.etcdctl import PASSWORD, PREFIX, ROOT_PASSWORD, USER
from support.worlds import LATE, SERVER_CLOCK, TTL, World

NODES = f"{PREFIX}/nodes/"
OTHERS = "/others/key"
NEW_PASSWORD = "staple-battery"


class Gateway:
    """etcd's own JSON gateway at one member. All raise ``OSError``."""

    def __init__(self, port: int, *, password: str = "") -> None:
        self._port, self._password = port, password
        self._token = ""

    def names(self) -> set[str]:
        """The nodes that are listed."""
        found = self._ask("kv/range", key=_coded(NODES), range_end=_coded(NODES[:-1] + "0"))
        keys = [base64.b64decode(entry["key"]).decode() for entry in found.get("kvs", ())]
        return {key.rpartition("/")[2] for key in keys}

    def put(self, key: str, value: bytes) -> int:
        """Returns the revision that this made."""
        return int(self._ask("kv/put", key=_coded(key), value=_coded(value))["header"]["revision"])

    def remove(self, key: str) -> None:
        self._ask("kv/deleterange", key=_coded(key))

    def _ask(self, what: str, **order: str) -> Any:
        if not self._password:
            return self._post(what, order)
        with suppress(OSError):
            return self._post(what, order)
        # Its token is void, if it had one.
        login = {"name": "root", "password": self._password}
        self._token = ""
        self._token = self._post("auth/authenticate", login)["token"]
        return self._post(what, order)

    def _post(self, what: str, order: dict[str, str]) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/v3/{what}",
            data=json.dumps(order).encode(),
            headers={"Authorization": self._token} if self._token else {},
        )
        with urllib.request.urlopen(request, timeout=2) as answer:
            return json.load(answer)


def _coded(value: str | bytes) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


class EtcdWorld(World):
    """One etcd server; the agent and the nodes reach it through a proxy each."""

    name = "etcd"
    secret: ClassVar[str] = "etcd.password"
    cannot: ClassVar[dict[str, str]] = {"clock": SERVER_CLOCK}

    def open(self) -> None:
        self._registry = self._begun("etcd")
        self._other: EtcdCluster | None = None
        port = self._registry.servers[0].client_port
        self._own = self._gateway(self._registry)
        self._seen = self._own
        self._proxy = self._stack.enter_context(FaultProxy(port))
        self._nodes_way = self._stack.enter_context(FaultProxy(port))

    def _begun(self, name: str) -> EtcdCluster:
        registry = etcd.start(self.folder / name)
        self._stack.callback(registry.stop)
        return registry

    def _gateway(self, registry: EtcdCluster) -> Gateway:
        return Gateway(registry.servers[0].client_port)

    @property
    def settings(self) -> dict[str, Any]:
        return {"etcd.endpoints": [f"127.0.0.1:{self._proxy.port}"], "etcd.ttl": TTL}

    def node_settings(self, index: int) -> Mapping[str, object]:
        return {**self.settings, "etcd.endpoints": [f"127.0.0.1:{self._nodes_way.port}"]}

    def listed(self) -> set[str]:
        return self._seen.names()

    def lease_of(self, name: str) -> str:
        return f"lease {self._registry.cli.field(NODES + name, 'Lease'):x}"

    def put_raw(self, name: str, value: bytes) -> None:
        self._own.put(NODES + name, value)

    def remove(self, name: str) -> None:
        self._own.remove(NODES + name)

    def kill(self) -> None:
        self._registry.kill()

    def restart(self) -> None:
        self._registry.start()

    def pause(self) -> None:
        self._registry.pause()

    def resume(self) -> None:
        self._registry.resume()

    def wipe(self) -> None:
        self._registry.wipe()

    def backup(self) -> None:
        self._backup = self._registry.backup()

    def restore(self) -> None:
        told = self._own.put(OTHERS, b"before")
        self._registry.restore(self._backup)
        self._outrun(told)

    def rebuild(self) -> None:
        told = self._own.put(OTHERS, b"before")
        self._registry.wipe()
        self._outrun(told)

    def _outrun(self, told: int) -> None:
        while self._own.put(OTHERS, b"after") <= told:
            pass
        eventually(lambda: self.listed() >= set(self.nodes), what="all nodes to be listed")

    def cut(self) -> None:
        self._proxy.cut()

    def mend(self) -> None:
        self._lead(self._registry)
        self._seen = self._own
        self._proxy.heal()

    def swap(self) -> None:
        self._other = self._other or self._begun("other")
        other = self._gateway(self._other)
        other.put(NODES + LATE, records.write(self.late.endpoint).encode())
        self._lead(self._other)
        self._seen = other

    def _lead(self, registry: EtcdCluster) -> None:
        target = "127.0.0.1", registry.servers[0].client_port
        if self._proxy.target != target:
            self._proxy.target = target
            self._proxy.drop()

    def cut_nodes(self) -> None:
        self._nodes_way.cut()

    def mend_nodes(self) -> None:
        self._nodes_way.heal()


class EtcdTrio(EtcdWorld):
    """Three members with logins, of which agent and nodes reach the first."""

    def _begun(self, name: str) -> EtcdCluster:
        self._password: Path = self.folder / "password"
        self._password.write_text(PASSWORD)
        registry = etcd.start(self.folder / name, members=3, auth=True)
        self._stack.callback(registry.stop)
        return registry

    def _gateway(self, registry: EtcdCluster) -> Gateway:
        return Gateway(registry.servers[0].client_port, password=ROOT_PASSWORD)

    @property
    def settings(self) -> dict[str, Any]:
        login = {"etcd.user": USER, "etcd.password_file": self._password}
        return super().settings | login

    def isolate(self) -> None:
        for index in (1, 2):
            self._registry.kill(index)

    def rotate(self) -> None:
        order = ("user", "passwd", USER, "--interactive=false")
        self._registry.cli.run(*order, stdin=f"{NEW_PASSWORD}\n")
        self._proxy.drop()
        self._nodes_way.drop()

    def hand_out(self) -> None:
        self._password.write_text(NEW_PASSWORD)
