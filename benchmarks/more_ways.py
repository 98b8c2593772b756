"""lbdisc on ZooKeeper and on Serf, with the moves of ``benchmarks.ways``."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kazoo.client import KazooClient

from benchmarks.agents import Agent
from benchmarks.servers import address
from benchmarks.ways import Base, Way
from lbdisc_lab.servers import serf, zookeeper


@contextmanager
def lbdisc_zookeeper(folder: Path, base: Base) -> Iterator[Way]:
    """lbdisc on ephemeral nodes of a ZooKeeper."""
    with zookeeper.start(folder / "zookeeper") as registry:
        hosts = registry.settings["zookeeper.hosts"]
        assert isinstance(hosts, list | tuple)
        client = KazooClient(hosts=",".join(map(str, hosts)))
        client.start()

        def record(name: str, port: int, state: str) -> bytes:
            return json.dumps(
                {"address": address(name, port), "port": port, "state": state}
            ).encode()

        def join(name: str, port: int) -> None:
            client.create(f"/lbdisc/nodes/{name}", record(name, port, "ready"), ephemeral=True)

        def leave(name: str, port: int) -> None:
            client.set(f"/lbdisc/nodes/{name}", record(name, port, "draining"))
            client.delete(f"/lbdisc/nodes/{name}")

        client.ensure_path("/lbdisc/nodes")
        for name, port in base.items():
            join(name, port)
        try:
            with Agent(folder, "zookeeper", registry.settings) as agent:
                agent.start().until(len(base))
                yield Way(agent.port, join, leave, lambda: agent.processes().reloads)
        finally:
            client.stop()
            client.close()


@contextmanager
def lbdisc_serf(folder: Path, base: Base) -> Iterator[Way]:
    """lbdisc on a Serf cluster: a member that is there all the time takes a tag, and drops it."""
    with serf.start(folder / "serf") as registry:
        for name, port in base.items():
            registry.node(name, tags={"lbdisc.nodes": str(port)})
        node = registry.node("node", tags={})
        with Agent(folder, "serf", registry.settings) as agent, node.client() as client:
            agent.start().until(len(base))

            def join(name: str, port: int) -> None:
                client.tags({"lbdisc.nodes": str(port)})

            def leave(name: str, port: int) -> None:
                client.tags({"lbdisc.nodes": f"{port};state=draining"})
                client.tags({}, deleting=["lbdisc.nodes"])

            yield Way(agent.port, join, leave, lambda: agent.processes().reloads)
