"""ZooKeeper as a world: how it is written to, read and hurt."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from kazoo.exceptions import KazooException, NoNodeError

from lbdisc import records
from lbdisc.testing.proxy import FaultProxy
from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers import zookeeper
from lbdisc_lab.servers.zookeeper import PASSWORD, USER, ZooKeeperEnsemble
from lbdisc_lab.servers.zookeeper.editor import Editor
from support.worlds import LATE, SERVER_CLOCK, World

NODES = "/lbdisc/nodes"
NEW_PASSWORD = "staple battery"


class ZooKeeperWorld(World):
    """One ZooKeeper server; the agent and the nodes reach it through a proxy each."""

    name = "zookeeper"
    secret: ClassVar[str] = "zookeeper.sasl_user"
    cannot: ClassVar[dict[str, str]] = {"clock": SERVER_CLOCK}

    def open(self) -> None:
        self._registry = self._begun("zookeeper")
        self._other: ZooKeeperEnsemble | None = None
        self._proxy = self._stack.enter_context(FaultProxy(_port(self._registry)))
        self._nodes_way = self._stack.enter_context(FaultProxy(_port(self._registry)))
        self._own = self._seen = self._edit(self._registry)

    def _begun(self, name: str) -> ZooKeeperEnsemble:
        registry = zookeeper.start(self.folder / name)
        self._stack.callback(registry.stop)
        return registry

    def _edit(self, registry: ZooKeeperEnsemble) -> Editor:
        editor = Editor(registry.hosts[:1])
        self._stack.callback(lambda: editor.__exit__(None, None, None))
        return editor.__enter__()

    @property
    def settings(self) -> dict[str, Any]:
        return self._registry.settings | {"zookeeper.hosts": [f"127.0.0.1:{self._proxy.port}"]}

    def node_settings(self, index: int) -> Mapping[str, object]:
        return self.settings | {"zookeeper.hosts": [f"127.0.0.1:{self._nodes_way.port}"]}

    def listed(self) -> set[str]:
        kazoo = self._seen.kazoo
        try:
            return set(kazoo.get_children(NODES))
        except NoNodeError:
            return set()
        except (KazooException, kazoo.handler.timeout_exception) as error:
            raise ConnectionError(repr(error)) from error

    def lease_of(self, name: str) -> str:
        _, status = self._own.kazoo.retry(self._own.kazoo.get, f"{NODES}/{name}")
        return f"session {status.ephemeralOwner:#x}"

    def put_raw(self, name: str, value: bytes) -> None:
        self._own.put(f"{NODES}/{name}", value)

    def remove(self, name: str) -> None:
        with suppress(NoNodeError):
            self._own.remove(f"{NODES}/{name}")

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
        self._edit_anew()

    def _edit_anew(self) -> None:
        """A server turns away a client that has seen more than it knows itself, for good."""
        old = self._own
        self._own = self._seen = self._edit(self._registry)
        old.__exit__(None, None, None)

    def backup(self) -> None:
        self._backup = self._registry.backup()

    def restore(self) -> None:
        told = self._written()
        self._registry.restore(self._backup)
        self._outrun(told)

    def rebuild(self) -> None:
        told = self._written()
        self._registry.wipe()
        self._outrun(told)

    def _outrun(self, told: int) -> None:
        self._edit_anew()
        while self._written() <= told:
            pass
        eventually(lambda: self.listed() >= set(self.nodes), what="all nodes to be listed")

    def _written(self) -> int:
        """Write; returns the number of that transaction."""
        self._own.put("/others", b"written")
        stat = self._own.kazoo.retry(self._own.kazoo.exists, "/others")
        return int(stat.mzxid)

    def cut(self) -> None:
        self._proxy.cut()

    def mend(self) -> None:
        self._lead(self._registry)
        self._seen = self._own
        self._proxy.heal()

    def swap(self) -> None:
        self._other = self._other or self._begun("other")
        other = self._edit(self._other)
        other.put(f"{NODES}/{LATE}", records.write(self.late.endpoint).encode())
        self._lead(self._other)
        self._seen = other

    def _lead(self, registry: ZooKeeperEnsemble) -> None:
        target = "127.0.0.1", _port(registry)
        if self._proxy.target != target:
            self._proxy.target = target
            self._proxy.drop()

    def cut_nodes(self) -> None:
        self._nodes_way.cut()

    def mend_nodes(self) -> None:
        self._nodes_way.heal()


def _port(registry: ZooKeeperEnsemble) -> int:
    return int(registry.hosts[0].rpartition(":")[2])


class ZooKeeperTrio(ZooKeeperWorld):
    """Three members with logins, of which agent and nodes reach the first."""

    def _begun(self, name: str) -> ZooKeeperEnsemble:
        self._password: Path = self.folder / "password"
        self._password.write_text(PASSWORD)
        registry = zookeeper.start(self.folder / name, members=3, sasl=True)
        self._stack.callback(registry.stop)
        return registry

    @property
    def settings(self) -> dict[str, Any]:
        settings = super().settings
        del settings["zookeeper.sasl_password"]
        login = {"zookeeper.sasl_user": USER, "zookeeper.sasl_password_file": self._password}
        return settings | login | {"zookeeper.acl": "open"}  # for who writes by hand

    def isolate(self) -> None:
        for index in (1, 2):
            self._registry.kill(index)

    def rotate(self) -> None:
        self._registry.change_password(NEW_PASSWORD)

    def hand_out(self) -> None:
        self._password.write_text(NEW_PASSWORD)
