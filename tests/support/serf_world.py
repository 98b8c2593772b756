"""A Serf cluster as a world: how it is written to, read and hurt."""

import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from lbdisc.testing.proxy import FaultProxy
from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers import serf
from lbdisc_serf.tags import tag_name
from lbdisc_serf.tags import write as tag_of
from lbdisc_serf.wire import RpcError
from support.worlds import LATE, SERVER_CLOCK, World

BYSTANDER = 150  # its address is none of a node's


class SerfWorld(World):
    """A member beside the agent, and a managed agent beside each node."""

    name = "serf"
    leases = "member {}"
    secret: ClassVar[str] = "serf.encrypt"
    cannot: ClassVar[dict[str, str]] = {
        "wipe": "the members themselves are the data; an agent that restarts knows nobody, which"
        " is the row of the killed registry",
        "history": "gossip keeps no data that could be brought back or set up anew",
        "swap": "another cluster's agent at `serf.rpc` is not followed: the registry is lost until"
        " the own one is back, see docs/serf.md",
        "clock": SERVER_CLOCK,
    }
    hostile: ClassVar[Mapping[str, bytes]] = {
        "no port": b";weight=1",
        "not UTF-8": b"80;zone=\xff\xfe",
        "port with words": b"80 check",
        "server line": b"80\n    server evil 10.6.6.6:80",
        "weight too large": b"80;weight=257",
        "tag with a newline": b"80;zone=a%0A    server evil",
        "record of another backend": b'{"address": "10.0.0.66", "port": 80}',
    }

    slow: ClassVar[dict[str, str]] = {
        "alone": "nobody confirms the suspicions of a Serf agent that is cut off"
    }
    at_once: ClassVar[bool] = False

    def open(self) -> None:
        self._registry = serf.start(self.folder / "serf", encrypt=True)
        self._key: Path = self.folder / "gossip-key"
        self._key.write_text(self._registry.encrypt)
        self._new_key = self._registry.encrypt
        self._stack.callback(self._registry.stop)
        self._member = self._registry.members[0]
        self._proxy = self._stack.enter_context(
            FaultProxy(serf.RPC_PORT, host=self._member.address)
        )
        self._by_hand: dict[str, serf.SerfAgent] = {}
        # When all nodes are killed the agent is not alone, or their loss would not be believed.
        self._bystander = self._registry.node("bystander", tags={}, index=BYSTANDER)

    @property
    def settings(self) -> dict[str, Any]:
        return {"serf.rpc": f"127.0.0.1:{self._proxy.port}", "serf.timeout": 1.0}

    def node_settings(self, index: int) -> Mapping[str, object]:
        settings = self._registry.node_settings(index)
        del settings["serf.encrypt"]
        return settings | {"serf.encrypt_file": self._key}

    def address(self, index: int) -> str:
        return self._registry.node_address(index)

    def listed(self) -> set[str]:
        tag = tag_name("nodes")
        try:
            members = self._member.members()
        except RpcError as error:
            raise ConnectionError(str(error)) from error
        return {m.name for m in members if m.status == "alive" and tag in m.tags}

    def join_late(self) -> None:
        self.put_raw(LATE, tag_of(self.late.endpoint).encode())

    def put_raw(self, name: str, value: bytes) -> None:
        if name not in self._by_hand:
            index = 4 if name == LATE else 5 + len(self._by_hand)
            self._by_hand[name] = self._registry.node(name, tags={}, index=index)
        self._by_hand[name].tag(tag_name("nodes"), value)

    def remove(self, name: str) -> None:
        self._by_hand[name].untag(tag_name("nodes"))

    def kill(self) -> None:
        self._registry.kill()

    def restart(self) -> None:
        if not self._member.running:
            self._member.start()
            # Those by hand join nobody by themselves again; the managed ones do.
            for node in self._by_hand.values():
                eventually(partial(self._joined, node), what="a member to join")

    def _joined(self, node: serf.SerfAgent) -> bool:
        node.join(self._member.address)
        return node.name in self._member.alive()

    def pause(self) -> None:
        self._registry.pause()

    def resume(self) -> None:
        for agent in (self._member, self._bystander, *self._by_hand.values()):
            agent.resume()

    def wipe(self) -> None:
        raise NotImplementedError(self.cannot["wipe"])

    def forget(self) -> None:
        self.kill()
        self.restart()

    def cut(self) -> None:
        self._proxy.cut()

    def mend(self) -> None:
        self._proxy.heal()

    def swap(self) -> None:
        raise NotImplementedError(self.cannot["swap"])

    def cut_nodes(self) -> None:
        # Nobody can cut loopback without being root; who is frozen hears and says as little.
        for node in self.nodes.values():
            node.freeze()

    def mend_nodes(self) -> None:
        for node in self.nodes.values():
            node.thaw()

    def isolate(self) -> None:
        self.cut_nodes()
        for agent in (self._bystander, *self._by_hand.values()):
            agent.pause()

    def rotate(self) -> None:
        old, self._new_key = self._new_key, self._serf("keygen")
        for step in (f"-install={self._new_key}", f"-use={self._new_key}", f"-remove={old}"):
            # The members vote by gossip, and a message may be lost.
            eventually(partial(self._serf, "keys", f"-rpc-addr={self._member.rpc}", step))
        self._registry.restart()

    def _serf(self, *words: str) -> str:
        """What `serf` says. Raises ``AssertionError`` if it fails."""
        done = subprocess.run(["serf", *words], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def hand_out(self) -> None:
        self._key.write_text(self._new_key)
        self._registry.encrypt = self._member.configuration["encrypt_key"] = self._new_key
        self._registry.restart()
