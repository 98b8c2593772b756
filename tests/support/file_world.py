"""Folder, etcd and ZooKeeper as worlds: how each is written to, read and hurt."""

import base64
import json
import os
import shutil
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from kazoo.exceptions import KazooException, NoNodeError

from lbdisc.testing.proxy import FaultProxy
from lbdisc_lab.servers import etcd, zookeeper
from lbdisc_lab.servers.etcd.etcdctl import PREFIX
from lbdisc_lab.servers.zookeeper.editor import Editor
from support.worlds import SERVER_CLOCK, World

TTL = 2  # seconds


class FileWorld(World):
    """A folder; the agent reaches it through one link and the nodes through another."""

    name = "file"
    cannot: ClassVar[dict[str, str]] = {"stall": "the kernel answers for a local folder at once"}

    def open(self) -> None:
        self._real = self.folder / "real"
        self._real.mkdir()
        self._agents, self._nodes = self.folder / "agents-way", self.folder / "nodes-way"

    @property
    def settings(self) -> dict[str, Any]:
        return {"file.dir": self._agents, "file.ttl": TTL}

    def node_settings(self, index: int) -> Mapping[str, object]:
        return {"file.dir": self._nodes, "file.ttl": TTL}

    @property
    def entries(self) -> Path:
        return self._real / "nodes"

    def listed(self) -> set[str]:
        return {path.stem for path in self.entries.glob("[!.]*.json") if _lives(path)}

    def put_raw(self, name: str, value: bytes) -> None:
        self.entries.mkdir(exist_ok=True)
        staged = self.entries / ".by-hand"
        staged.write_bytes(value)
        staged.replace(self.entries / f"{name}.json")

    def remove(self, name: str) -> None:
        (self.entries / f"{name}.json").unlink(missing_ok=True)

    def kill(self) -> None:
        self._agents.unlink()
        self._nodes.unlink()

    def restart(self) -> None:
        for link in (self._agents, self._nodes):
            if not link.is_symlink():
                link.symlink_to(self._real)

    def pause(self) -> None:
        raise NotImplementedError(self.cannot["stall"])

    def resume(self) -> None:
        """Nothing ever freezes."""

    def wipe(self) -> None:
        # Registrars may write while it goes; what they write then is new.
        shutil.rmtree(self.entries, ignore_errors=True)

    def jump(self, seconds: float) -> None:
        for path in self.entries.glob("[!.]*.json"):
            os.utime(path, (time.time() + seconds, time.time() + seconds))

    def cut(self) -> None:
        self._agents.unlink()

    def mend(self) -> None:
        self.restart()


def _lives(path: Path) -> bool:
    try:
        record = json.loads(path.read_bytes())
        ttl = record.get("ttl") if isinstance(record, dict) else None
        return ttl is None or path.stat().st_mtime + ttl > time.time()
    except (FileNotFoundError, ValueError, RecursionError):
        return False


class EtcdWorld(World):
    """One etcd server; the agent reaches it through a proxy."""

    name = "etcd"
    cannot: ClassVar[dict[str, str]] = {"clock": SERVER_CLOCK}

    def open(self) -> None:
        self._registry = etcd.start(self.folder / "etcd")
        self._stack.callback(self._registry.stop)
        self._port = self._registry.servers[0].client_port
        self._proxy = self._stack.enter_context(FaultProxy(self._port))

    @property
    def settings(self) -> dict[str, Any]:
        return {"etcd.endpoints": [f"127.0.0.1:{self._proxy.port}"], "etcd.ttl": TTL}

    def node_settings(self, index: int) -> Mapping[str, object]:
        return {**self._registry.settings, "etcd.ttl": TTL}

    def _ask(self, what: str, key: str, **more: str) -> Any:
        """etcd's JSON gateway. Raises ``OSError``."""
        order = {"key": _coded(f"{PREFIX}/nodes/{key}".encode()), **more}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/v3/kv/{what}", data=json.dumps(order).encode()
        )
        with urllib.request.urlopen(request, timeout=2) as answer:
            return json.load(answer)

    def listed(self) -> set[str]:
        found = self._ask("range", "", range_end=_coded(f"{PREFIX}/nodes0".encode()))
        keys = [base64.b64decode(entry["key"]).decode() for entry in found.get("kvs", ())]
        return {key.rpartition("/")[2] for key in keys}

    def put_raw(self, name: str, value: bytes) -> None:
        self._ask("put", name, value=_coded(value))

    def remove(self, name: str) -> None:
        self._ask("deleterange", name)

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

    def cut(self) -> None:
        self._proxy.cut()

    def mend(self) -> None:
        self._proxy.heal()


def _coded(value: bytes) -> str:
    return base64.b64encode(value).decode()


class ZooKeeperWorld(World):
    """One ZooKeeper server; the agent reaches it through a proxy."""

    name = "zookeeper"
    cannot: ClassVar[dict[str, str]] = {"clock": SERVER_CLOCK}

    def open(self) -> None:
        self._registry = zookeeper.start(self.folder / "zookeeper")
        self._stack.callback(self._registry.stop)
        hosts = self._registry.hosts
        self._proxy = self._stack.enter_context(FaultProxy(int(hosts[0].rpartition(":")[2])))
        self._stack.callback(lambda: self._editor.__exit__(None, None, None))
        self._editor = Editor(hosts).__enter__()

    @property
    def settings(self) -> dict[str, Any]:
        return self._registry.settings | {"zookeeper.hosts": [f"127.0.0.1:{self._proxy.port}"]}

    def node_settings(self, index: int) -> Mapping[str, object]:
        return self._registry.settings

    def listed(self) -> set[str]:
        try:
            return set(self._editor.kazoo.get_children("/lbdisc/nodes"))
        except NoNodeError:
            return set()
        except (KazooException, self._editor.kazoo.handler.timeout_exception) as error:
            raise ConnectionError(repr(error)) from error

    def put_raw(self, name: str, value: bytes) -> None:
        self._editor.put(f"/lbdisc/nodes/{name}", value)

    def remove(self, name: str) -> None:
        with suppress(NoNodeError):
            self._editor.remove(f"/lbdisc/nodes/{name}")

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
        # A server without data turns away a client that has seen more than it knows, for good.
        self._editor.__exit__(None, None, None)
        self._editor = Editor(self._registry.hosts).__enter__()

    def cut(self) -> None:
        self._proxy.cut()

    def mend(self) -> None:
        self._proxy.heal()
