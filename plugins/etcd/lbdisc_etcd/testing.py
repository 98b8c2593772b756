"""Real etcd clusters for tests and the demo: any number of members, TLS, logins, and faults."""

import os
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from lbdisc.testing.processes import Process, free_port
from lbdisc.testing.waiting import eventually
from lbdisc_etcd.certificates import Certificates

PREFIX = "/lbdisc"
ROOT_PASSWORD = "root-password"
USER = "lbdisc"
PASSWORD = "correct-horse"


@dataclass
class Server:
    """One member; its ports and its data folder stay the same over restarts."""

    name: str
    folder: Path
    scheme: str
    client_port: int = field(default_factory=free_port)
    peer_port: int = field(default_factory=free_port)
    process: Process | None = None

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.client_port}"

    @property
    def peer_url(self) -> str:
        return f"http://127.0.0.1:{self.peer_port}"

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.running


class Registry:
    """A running cluster. Members are named by index; no index means all of them."""

    def __init__(
        self,
        folder: Path,
        servers: list[Server],
        *,
        certificates: Certificates | None,
        auth: bool,
        arguments: tuple[str, ...],
    ) -> None:
        self.folder = folder
        self.servers = servers
        self.certificates = certificates
        self.auth = auth
        self._arguments = arguments
        self._generation = 0

    @property
    def settings(self) -> dict[str, object]:
        """What an agent needs to know, by dotted keys."""
        found: dict[str, object] = {"etcd.endpoints": [server.url for server in self.servers]}
        if self.certificates:
            found |= {
                "etcd.ca_file": str(self.certificates.authority),
                "etcd.cert_file": str(self.certificates.client_certificate),
                "etcd.key_file": str(self.certificates.client_key),
            }
        if self.auth:
            found |= {"etcd.user": USER, "etcd.password": PASSWORD}
        return found

    def node_settings(self, index: int) -> dict[str, object]:
        """What the ``index``-th registrar needs: the same for all."""
        return self.settings

    def start(self, index: int | None = None) -> None:
        """Start what does not run, and wait until every running member serves."""
        chosen = [server for server in self._chosen(index) if not server.running]
        for server in chosen:
            server.process = Process(
                self._command(server), log=self.folder / f"{server.name}.log"
            ).start()
        for server in chosen:
            eventually(partial(self.healthy, server), what=f"{server.name} to serve")

    def _command(self, server: Server) -> list[str | Path]:
        cluster = ",".join(f"{other.name}={other.peer_url}" for other in self.servers)
        return [
            _binary("etcd", "etcd-server"),
            f"--name={server.name}",
            f"--data-dir={server.folder}",
            f"--listen-client-urls={server.url}",
            f"--advertise-client-urls={server.url}",
            f"--listen-peer-urls={server.peer_url}",
            f"--initial-advertise-peer-urls={server.peer_url}",
            f"--initial-cluster={cluster}",
            f"--initial-cluster-token=lbdisc-{self._generation}",
            "--logger=zap",
            "--log-level=warn",
            "--max-txn-ops=20000",
            "--max-request-bytes=16777216",
            *(self.certificates.server_arguments if self.certificates else ()),
            *self._arguments,
        ]

    def healthy(self, server: Server) -> bool:
        """Whether ``server`` says it serves, which needs a leader."""
        if not server.running:
            raise RuntimeError(
                f"{server.name} ended: {server.process and server.process.log_tail()}"
            )
        context = self.certificates.context() if self.certificates else None
        try:
            with urllib.request.urlopen(
                f"{server.url}/health", timeout=2, context=context
            ) as reply:
                return b'"true"' in reply.read()
        except (urllib.error.URLError, ssl.SSLError, TimeoutError, ConnectionError):
            return False

    def _chosen(self, index: int | None) -> list[Server]:
        return self.servers if index is None else [self.servers[index]]

    def _processes(self, index: int | None) -> Iterator[Process]:
        for server in self._chosen(index):
            if server.process is not None:
                yield server.process

    def kill(self, index: int | None = None) -> None:
        """kill -9."""
        for process in self._processes(index):
            process.kill()

    def pause(self, index: int | None = None) -> None:
        """Freeze: connections stay, nothing answers."""
        for process in self._processes(index):
            process.pause()

    def resume(self, index: int | None = None) -> None:
        for process in self._processes(index):
            process.resume()

    def restart(self, index: int | None = None) -> None:
        """kill -9 and start again with the same data."""
        self.kill(index)
        self.start(index)

    def wipe(self) -> None:
        """kill -9 the whole cluster and start a new, empty one at the same addresses."""
        self.kill()
        for server in self.servers:
            shutil.rmtree(server.folder, ignore_errors=True)
        self._generation += 1
        self.start()
        if self.auth:
            self.enable_auth()

    def leader(self) -> int:
        """The index of the leader."""
        return eventually(self._leader_place, what="a leader") - 1

    def _leader_place(self) -> int:
        for place, server in enumerate(self.servers, 1):
            if server.running:
                status = self.etcdctl("endpoint", "status", endpoints=[server.url], check=False)
                # endpoint, ID, version, size, is leader, …
                if status.split(", ")[4:5] == ["true"]:
                    return place
        return 0

    def etcdctl(
        self,
        *arguments: str,
        stdin: str = "",
        endpoints: list[str] | None = None,
        user: str = f"root:{ROOT_PASSWORD}",
        check: bool = True,
    ) -> str:
        """Run etcdctl as root; returns its output. Raises ``AssertionError`` when it fails."""
        urls = endpoints or [server.url for server in self.servers if server.running]
        command = [_binary("etcdctl", "etcd-client"), f"--endpoints={','.join(urls)}"]
        if self.certificates:
            command += self.certificates.client_arguments
        environment = {**os.environ, "ETCDCTL_API": "3"}
        if self.auth:
            environment["ETCDCTL_USER"] = user
        done = subprocess.run(
            [*command, *arguments],
            input=stdin,
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0 or not check, f"etcdctl {arguments[:2]}: {done.stderr.strip()}"
        return done.stdout

    def put(self, key: str, value: str) -> None:
        self.etcdctl("put", "--", key, value)

    def put_all(self, values: Mapping[str, str]) -> None:
        """All of ``values`` in one transaction."""
        lines = [f"put {_quoted(key)} {_quoted(value)}" for key, value in values.items()]
        self.etcdctl("txn", stdin="\n" + "\n".join(lines) + "\n\n\n")

    def delete(self, key: str, *options: str) -> None:
        self.etcdctl("del", key, *options)

    def keys(self, prefix: str = f"{PREFIX}/") -> list[str]:
        found = self.etcdctl("get", "--prefix", "--keys-only", prefix)
        return [line for line in found.splitlines() if line]

    def value(self, key: str) -> str:
        return self.etcdctl("get", "--print-value-only", key).rstrip("\n")

    def compact(self) -> None:
        """Forget every revision but the newest."""
        status = self.etcdctl("get", "no-such-key", "--write-out=fields")
        revision = next(line for line in status.splitlines() if line.startswith('"Revision"'))
        self.etcdctl("compact", "--physical", revision.split(":")[1].strip())

    def enable_auth(self) -> None:
        """A root user, and the user of the settings with rights on the prefix only."""
        self.auth = False
        self.etcdctl("user", "add", f"root:{ROOT_PASSWORD}")
        self.etcdctl("user", "grant-role", "root", "root", check=False)
        self.etcdctl("role", "add", "lbdisc")
        self.etcdctl("role", "grant-permission", "lbdisc", "readwrite", f"{PREFIX}/", "--prefix")
        self.etcdctl("user", "add", f"{USER}:{PASSWORD}")
        self.etcdctl("user", "grant-role", USER, "lbdisc")
        self.etcdctl("auth", "enable")
        self.auth = True

    def revoke_permission(self) -> None:
        """Take the user's rights on the prefix away."""
        end = f"{PREFIX}0"  # the first key after everything below the prefix
        self.etcdctl("role", "revoke-permission", "lbdisc", f"{PREFIX}/", end)

    def grant_permission(self) -> None:
        self.etcdctl("role", "grant-permission", "lbdisc", "readwrite", f"{PREFIX}/", "--prefix")

    def stop(self) -> None:
        for process in self._processes(None):
            process.resume()
            process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start(
    folder: Path,
    *,
    members: int = 1,
    tls: bool = False,
    auth: bool = False,
    arguments: tuple[str, ...] = (),
) -> Registry:
    """A cluster of ``members`` that serves, with all its files in ``folder``.

    ``tls``: https that asks for a client certificate; ``auth``: users and passwords. ``arguments``
    are passed on to every server. Raises ``AssertionError`` naming the package when etcd is absent.
    """
    folder.mkdir(parents=True, exist_ok=True)
    certificates = Certificates.make(folder / "tls") if tls else None
    servers = [
        Server(f"etcd{place}", folder / f"etcd{place}", "https" if tls else "http")
        for place in range(members)
    ]
    registry = Registry(folder, servers, certificates=certificates, auth=False, arguments=arguments)
    try:
        registry.start()
        if auth:
            registry.enable_auth()
    except BaseException:
        registry.stop()
        raise
    return registry


def _binary(name: str, package: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is not installed: apt-get install {package}"
    return found


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
