"""A cluster of real etcd servers, and the faults that tests need."""

import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from lbdisc.testing.processes import Process, free_port
from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers.certificates import Certificates
from lbdisc_lab.servers.etcd.etcdctl import PASSWORD, USER, Etcdctl, binary
from lbdisc_lab.servers.machines import Loopback, Machine, port_on

TOKEN = "lbdisc"
CLIENT_PORT, PEER_PORT = 2379, 2380  # as users have them


@dataclass
class EtcdServer:
    """One member; its ports and its data folder stay the same over restarts."""

    name: str
    folder: Path
    scheme: str
    machine: Machine = field(default_factory=Loopback)
    client_port: int = field(default_factory=free_port)
    peer_port: int = field(default_factory=free_port)
    process: Process | None = None

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.machine.address}:{self.client_port}"

    @property
    def peer_url(self) -> str:
        return f"http://{self.machine.address}:{self.peer_port}"

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.running


class EtcdCluster:
    """A cluster. Fault methods take the index of a member; none means all of them.

    ``cli`` is etcd's own command line for it.
    """

    def __init__(
        self,
        folder: Path,
        servers: list[EtcdServer],
        *,
        certificates: Certificates | None = None,
        auth: bool = False,
        arguments: tuple[str, ...] = (),
    ) -> None:
        self.folder = folder
        self.servers = servers
        self.certificates = certificates
        self.cli = Etcdctl(self._running_urls, certificates)
        self._auth = auth
        self._arguments = arguments

    def _running_urls(self) -> list[str]:
        return [server.url for server in self.servers if server.running]

    @property
    def settings(self) -> dict[str, object]:
        """What an agent needs to know, by dotted keys."""
        found: dict[str, object] = {"etcd.endpoints": [server.url for server in self.servers]}
        if self.certificates:
            found |= {
                "etcd.ca_file": str(self.certificates.authority.cert),
                "etcd.cert_file": str(self.certificates.client.cert),
                "etcd.key_file": str(self.certificates.client.key),
            }
        if self._auth:
            found |= {"etcd.user": USER, "etcd.password": PASSWORD}
        return found

    def node_settings(self, index: int) -> dict[str, object]:
        """What the ``index``-th registrar needs: the same for all."""
        return self.settings

    def setup(self) -> None:
        """Start a new, empty cluster."""
        self.start()
        if self._auth:
            self.cli.enable_auth()

    def start(self, index: int | None = None) -> None:
        """Start what does not run, and wait until it serves."""
        for server in self.launch(index):
            eventually(partial(self._serves, server), what=f"{server.name} to serve")

    def launch(self, index: int | None = None) -> list[EtcdServer]:
        """Start what does not run, without waiting; returns whom."""
        chosen = [server for server in self._chosen(index) if not server.running]
        for server in chosen:
            log = self.folder / f"{server.name}.log"
            server.process = Process(self._command(server), log=log).start()
        return chosen

    def _command(self, server: EtcdServer) -> list[str | Path]:
        return [
            *server.machine.prefix,
            binary("etcd", "etcd-server"),
            f"--name={server.name}",
            f"--data-dir={server.folder}",
            f"--listen-client-urls={server.url}",
            f"--advertise-client-urls={server.url}",
            f"--listen-peer-urls={server.peer_url}",
            f"--initial-advertise-peer-urls={server.peer_url}",
            f"--initial-cluster={self._members()}",
            f"--initial-cluster-token={TOKEN}",
            "--logger=zap",
            "--log-level=warn",
            "--max-txn-ops=20000",
            "--max-request-bytes=16777216",
            *(_tls_arguments(self.certificates) if self.certificates else ()),
            *self._arguments,
        ]

    def _serves(self, server: EtcdServer) -> bool:
        """Whether ``server`` says it is healthy, which needs a leader."""
        assert server.process is not None
        if not server.running:
            raise RuntimeError(f"{server.name} ended: {server.process.log_tail()}")
        url = f"{server.url}/health"
        context = _tls_context(self.certificates) if self.certificates else None
        try:
            with urllib.request.urlopen(url, timeout=2, context=context) as reply:
                return b'"true"' in reply.read()
        except (urllib.error.URLError, ssl.SSLError, TimeoutError, ConnectionError):
            return False

    def _chosen(self, index: int | None) -> list[EtcdServer]:
        return self.servers if index is None else [self.servers[index]]

    def _processes(self, index: int | None) -> list[Process]:
        return [server.process for server in self._chosen(index) if server.process is not None]

    def kill(self, index: int | None = None) -> None:
        """kill -9."""
        for process in self._processes(index):
            process.kill()

    def pause(self, index: int | None = None) -> None:
        """Freeze: connections stay, nothing answers."""
        for process in self._processes(index):
            process.pause()

    def resume(self, index: int | None = None) -> None:
        """End ``pause``."""
        for process in self._processes(index):
            process.resume()

    def restart(self, index: int | None = None) -> None:
        """kill -9, and start again with the same data."""
        self.kill(index)
        self.start(index)

    def renew(self) -> None:
        """kill -9, and start again with another authority and its certificates, in the same files.

        Neither the old authority nor what it signed counts any more.
        """
        self.kill()
        Certificates(self.folder / "tls")
        self.start()

    def wipe(self) -> None:
        """kill -9 the whole cluster, and start a new, empty one by the same command lines.

        Its ids are those of the old one, as the same names and token make the same ids.
        """
        self._lose_data()
        self.cli.auth = False
        self.setup()

    def backup(self) -> Path:
        """A snapshot of all there is, for ``restore``."""
        file = self.folder / "backup.db"
        file.unlink(missing_ok=True)
        self.cli.run("snapshot", "save", str(file), urls=self._running_urls()[:1])
        return file

    def restore(self, backup: Path) -> None:
        """kill -9 the whole cluster, and start it again with what ``backup`` holds."""
        self._lose_data()
        for server in self.servers:
            self.cli.run(
                *("snapshot", "restore", str(backup)),
                *(f"--name={server.name}", f"--data-dir={server.folder}"),
                *(f"--initial-cluster={self._members()}", f"--initial-cluster-token={TOKEN}"),
                f"--initial-advertise-peer-urls={server.peer_url}",
                urls=[],
            )
        self.start()

    def outrun(self, revision: int) -> None:
        """Let others write until the cluster is past ``revision``."""
        while self.cli.revision <= revision:
            self.cli.put("/others/key", "x")

    def _lose_data(self) -> None:
        self.kill()
        for server in self.servers:
            shutil.rmtree(server.folder, ignore_errors=True)

    def _members(self) -> str:
        return ",".join(f"{server.name}={server.peer_url}" for server in self.servers)

    def leader(self) -> int:
        """The index of the leader, waiting for an election if need be."""
        return eventually(self._leader_place, what="a leader") - 1

    def _leader_place(self) -> int:
        places = enumerate(self.servers, 1)
        return next((n for n, server in places if server.running and self.cli.leads(server.url)), 0)

    def stop(self) -> None:
        """End all members, also paused ones."""
        self.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _tls_arguments(certificates: Certificates) -> tuple[str, ...]:
    """Serve https, and only to clients that the authority knows."""
    return (
        f"--cert-file={certificates.server.cert}",
        f"--key-file={certificates.server.key}",
        f"--trusted-ca-file={certificates.authority.cert}",
        "--client-cert-auth",
    )


def _tls_context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certificates.authority.cert)
    context.load_cert_chain(certificates.client.cert, certificates.client.key)
    return context


def start(
    folder: Path,
    *,
    members: int = 1,
    tls: bool = False,
    auth: bool = False,
    arguments: tuple[str, ...] = (),
    machines: Sequence[Machine] = (),
) -> EtcdCluster:
    """A cluster of ``members`` that serves, with all its files in ``folder``.

    ``tls``: https that asks for a client certificate; ``auth``: users and passwords. ``arguments``
    are passed on to every server. ``machines``: a member on each of them, at etcd's own ports,
    instead of ``members`` on loopback. Raises ``AssertionError`` naming the package when etcd is
    absent.
    """
    folder.mkdir(parents=True, exist_ok=True)
    certificates = Certificates(folder / "tls") if tls else None
    scheme = "https" if tls else "http"
    names = [f"etcd{place}" for place in range(len(machines) or members)]
    servers = [EtcdServer(name, folder / name, scheme) for name in names]
    for server, machine in zip(servers, machines, strict=False):
        server.machine = machine
        server.client_port = port_on(machine, CLIENT_PORT)
        server.peer_port = port_on(machine, PEER_PORT)
    registry = EtcdCluster(
        folder, servers, certificates=certificates, auth=auth, arguments=arguments
    )
    try:
        registry.setup()
    except BaseException:
        registry.stop()
        raise
    return registry
