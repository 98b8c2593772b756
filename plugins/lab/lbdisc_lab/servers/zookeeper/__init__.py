"""Real ZooKeeper servers for tests and demos, single or as an ensemble, with ways to break them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from lbdisc_lab.servers.certificates import NAMES
from lbdisc_lab.servers.machines import Machine
from lbdisc_lab.servers.zookeeper.registry import JARS, PASSWORD, USER, ZooKeeperEnsemble

__all__ = ["JARS", "PASSWORD", "USER", "ZooKeeperEnsemble", "start"]


def start(
    folder: Path,
    *,
    members: int = 1,
    tick: float = 0.5,
    session_timeout: float = 2.0,
    sasl: bool = False,
    require_sasl: bool = False,
    tls: bool = False,
    client_certificates: bool = False,
    names: tuple[str, ...] = NAMES,
    config: tuple[str, ...] = (),
    properties: tuple[str, ...] = (),
    users: Mapping[str, str] = MappingProxyType({}),
    machines: Sequence[Machine] = (),
) -> ZooKeeperEnsemble:
    """Start ``members`` servers with their data in ``folder``; returns when they serve.

    ``tick`` is tickTime in seconds; the shortest session is twice that. ``sasl`` knows the user
    ``USER`` with ``PASSWORD``, and ``users`` with theirs; ``require_sasl`` lets nobody else in.
    ``tls`` opens a port with certificates made on the spot for ``names``, ``client_certificates``
    asks for one of the client.
    ``config`` are further lines of ``zoo.cfg``, ``properties`` and options
    that begin with ``-`` are for Java. ``machines``: a server on each of them, at ZooKeeper's usual
    ports, instead of ``members`` on loopback.
    Raises ``RuntimeError`` that names the Debian package when a program is missing.
    """
    registry = ZooKeeperEnsemble(
        folder,
        members=members,
        tick=tick,
        session_timeout=session_timeout,
        sasl=sasl or require_sasl,
        require_sasl=require_sasl,
        tls=tls or client_certificates,
        client_certificates=client_certificates,
        names=names,
        config=config,
        properties=properties,
        users=users,
        machines=machines,
    )
    registry.start()
    return registry
