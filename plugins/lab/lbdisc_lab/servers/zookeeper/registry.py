"""A single ZooKeeper server or an ensemble, as the Debian packages have it."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from lbdisc.testing.processes import Process, free_port
from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers.certificates import Certificates
from lbdisc_lab.servers.machines import Loopback, Machine, port_on

USER, PASSWORD = "lbdisc", "correct horse"
JARS = Path("/usr/share/java")
MAIN = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
CLIENT = "org.apache.zookeeper.ZooKeeperMain"
# zookeeper.jar names the rest in its manifest, except what Netty needs for TLS and a log.
_JARS = {
    "zookeeper.jar": "zookeeper",
    "netty-codec.jar": "libnetty-java",
    "netty-resolver.jar": "libnetty-java",
    "netty-transport-native-unix-common.jar": "libnetty-java",
    "slf4j-simple.jar": "libslf4j-java",
}
_JVM = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
_START = 60.0  # seconds; an ensemble on a busy machine


@dataclass(frozen=True, slots=True)
class _Ports:
    client: int
    secure: int
    peer: int
    election: int


_USUAL = _Ports(2181, 2281, 2888, 3888)  # as users have them


class ZooKeeperEnsemble:
    """Servers with their settings, and the faults that tests need.

    The fault methods take a member's index, or mean all members without one.
    """

    def __init__(
        self,
        folder: Path,
        *,
        members: int,
        tick: float,
        session_timeout: float,
        sasl: bool,
        require_sasl: bool,
        tls: bool,
        client_certificates: bool,
        names: tuple[str, ...],
        config: tuple[str, ...],
        properties: tuple[str, ...],
        users: Mapping[str, str],
        machines: Sequence[Machine] = (),
    ) -> None:
        self.folder = folder
        self._machines = tuple(machines) or (Loopback(),) * members
        self._tick = tick
        self._session_timeout = session_timeout
        self._sasl, self._require_sasl = sasl, require_sasl
        self._client_certificates = client_certificates
        self._more_config, self._properties = config, properties
        self._names, self._users = names, users
        self._certificates = Certificates(folder / "tls", names) if tls else None
        self._ports = [_usual_ports(m) for m in machines] or [_free() for _ in range(members)]
        self._java, self._class_path = _java(), _class_path()
        self.members = [self._prepare(index) for index in range(len(self._machines))]

    def _prepare(self, index: int) -> Process:
        home = self._home(index)
        (home / "data").mkdir(parents=True, exist_ok=True)
        (home / "data" / "myid").write_text(f"{index + 1}\n")
        (home / "zoo.cfg").write_text("\n".join([*self._config(index), ""]))
        options = [*_JVM, "-Dzookeeper.forceSync=no", "-Dzookeeper.preAllocSize=1024"]
        options.append("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
        options += [each if each[:1] == "-" else f"-D{each}" for each in self._properties]
        if self._sasl:
            self._let_in(index, PASSWORD)
            options.append(f"-Djava.security.auth.login.config={home / 'jaas.conf'}")
        if self._require_sasl:
            options.append("-Dzookeeper.sessionRequireClientSASLAuth=true")
        return Process(
            [
                *(*self._machines[index].prefix, self._java, *options),
                *("-cp", self._class_path, MAIN, home / "zoo.cfg"),
            ],
            log=home / "server.log",
            cwd=home,
        )

    def _let_in(self, index: int, password: str) -> None:
        users = " ".join(f'user_{u}="{p}"' for u, p in {USER: password, **self._users}.items())
        (self._home(index) / "jaas.conf").write_text(
            f"Server {{ org.apache.zookeeper.server.auth.DigestLoginModule required {users}; }};\n"
        )

    def command_line(self, orders: str, user: str = USER, password: str = PASSWORD) -> str:
        """What ZooKeeper's own command line (zkCli) says to ``orders``, given by ``user``."""
        login = self.folder / "client.jaas.conf"
        login.write_text(
            "Client { org.apache.zookeeper.server.auth.DigestLoginModule required "
            f'username="{user}" password="{password}"; }};\n'
        )
        more = f"{JARS / 'commons-cli.jar'}:{JARS / 'jline.jar'}"
        options = [f"-Djava.security.auth.login.config={login}", *_JVM]
        command = [self._java, *options, "-cp", f"{self._class_path}:{more}", CLIENT]
        done = subprocess.run(
            [*command, "-server", self.plain_hosts[0]],
            input=f"{orders}\nquit\n",
            text=True,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return done.stdout + done.stderr

    def change_password(self, password: str) -> None:
        """Let ``USER`` in with this one; all members are restarted for it."""
        self.kill()
        for index in range(len(self.members)):
            self._let_in(index, password)
        self.start()

    def _address(self, index: int) -> str:
        return self._machines[index].address

    def _client(self, index: int) -> tuple[str, int]:
        return self._address(index), self._ports[index].client

    def _home(self, index: int) -> Path:
        return self.folder / f"zookeeper-{index + 1}"

    def _config(self, index: int) -> Iterable[str]:
        yield f"dataDir={self._home(index) / 'data'}"
        yield f"tickTime={int(self._tick * 1000)}"
        yield from ("initLimit=20", "syncLimit=10", "maxClientCnxns=0", "admin.enableServer=false")
        yield from ("4lw.commands.whitelist=*", f"clientPortAddress={self._address(index)}")
        yield f"clientPort={self._ports[index].client}"
        if len(self._ports) > 1:
            for place, ports in enumerate(self._ports):
                where = f"{self._address(place)}:{ports.peer}:{ports.election}"
                yield f"server.{place + 1}={where}"
        if self._sasl:
            yield "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider"
        if self._certificates:
            yield from self._tls_config(index, self._certificates)
        yield from self._more_config

    def _tls_config(self, index: int, certificates: Certificates) -> Iterable[str]:
        yield "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory"
        yield f"secureClientPort={self._ports[index].secure}"
        yield f"secureClientPortAddress={self._address(index)}"
        store = self._stored(index, certificates)
        yield from (f"ssl.keyStore.location={store}", "ssl.keyStore.type=PEM")
        yield from (
            f"ssl.trustStore.location={certificates.authority.cert}",
            "ssl.trustStore.type=PEM",
        )
        yield "ssl.hostnameVerification=false"
        yield f"ssl.clientAuth={'need' if self._client_certificates else 'none'}"

    def _stored(self, index: int, certificates: Certificates) -> Path:
        server, store = certificates.server, self._home(index) / "server.store.pem"
        store.write_bytes(server.key.read_bytes() + server.cert.read_bytes())
        return store

    def renew(self) -> None:
        """kill -9, and start again with another authority and its certificates, in the same files.

        Neither the old authority nor what it signed counts any more.
        """
        self.kill()
        certificates = Certificates(self.folder / "tls", self._names)
        for index in range(len(self.members)):
            self._stored(index, certificates)
        self.start()

    @property
    def plain_hosts(self) -> list[str]:
        """The ports without TLS, which are always open."""
        return [f"{self._address(n)}:{ports.client}" for n, ports in enumerate(self._ports)]

    @property
    def hosts(self) -> list[str]:
        if not self._certificates:
            return self.plain_hosts
        return [f"{self._address(n)}:{ports.secure}" for n, ports in enumerate(self._ports)]

    @property
    def settings(self) -> dict[str, object]:
        """What an agent needs to read from here, as dotted keys."""
        found: dict[str, object] = {
            "zookeeper.hosts": self.hosts,
            "zookeeper.session_timeout": self._session_timeout,
        }
        if self._certificates:
            found["zookeeper.ca_file"] = str(self._certificates.authority.cert)
            if self._client_certificates:
                found["zookeeper.cert_file"] = str(self._certificates.client.cert)
                found["zookeeper.key_file"] = str(self._certificates.client.key)
        if self._sasl:
            found |= {"zookeeper.sasl_user": USER, "zookeeper.sasl_password": PASSWORD}
        return found

    def node_settings(self, index: int) -> dict[str, object]:
        """What the registrar of the ``index``-th instance needs: the same."""
        return self.settings

    def start(self) -> None:
        """Start what does not run, and wait until the ensemble serves."""
        self.launch()
        try:
            self.wait_ready()
        except BaseException:
            self.kill()
            raise

    def launch(self, index: int | None = None) -> None:
        """Start what does not run, without waiting."""
        for member in self._chosen(index):
            if not member.running:
                member.start()

    def wait_ready(self, index: int | None = None) -> None:
        """Wait until the members serve clients."""
        wanted = range(len(self.members)) if index is None else [index]
        for each in wanted:
            eventually(partial(self._serves, each), deadline=_START, what=f"member {each}")

    def _serves(self, index: int) -> bool:
        if not self.members[index].running:
            raise RuntimeError(f"ZooKeeper ended: {self.members[index].log_tail()}")
        return self.mode(index) in ("standalone", "leader", "follower")

    def mode(self, index: int) -> str:
        """standalone, leader or follower; empty while the member does not serve."""
        for line in self.ask(index, "srvr").splitlines():
            if line.startswith("Mode: "):
                return line.removeprefix("Mode: ")
        return ""

    def ask(self, index: int, word: str) -> str:
        """The answer to a four-letter word; empty if there is none."""
        answer = b""
        with (
            suppress(OSError),
            socket.create_connection(self._client(index), 1) as connection,
        ):
            connection.sendall(word.encode())
            while part := connection.recv(65536):
                answer += part
        return answer.decode(errors="replace")

    def leader(self) -> int:
        """The index of the leader, once there is one."""

        def found() -> list[int]:
            return [i for i, member in enumerate(self.members) if member.running and self._leads(i)]

        return eventually(found, deadline=_START, what="a leader")[0]

    def _leads(self, index: int) -> bool:
        return self.mode(index) in ("leader", "standalone")

    def _chosen(self, index: int | None) -> list[Process]:
        return self.members if index is None else [self.members[index]]

    def kill(self, index: int | None = None) -> None:
        """kill -9."""
        for member in self._chosen(index):
            member.kill()

    def restart(self, index: int | None = None) -> None:
        """Kill what runs, start it again, and wait until it serves."""
        self.kill(index)
        self.launch(index)
        self.wait_ready(index)

    def pause(self, index: int | None = None) -> None:
        """Stall: connections stay open and nothing answers."""
        for member in self._chosen(index):
            member.pause()

    def resume(self, index: int | None = None) -> None:
        for member in self._chosen(index):
            member.resume()

    def wipe(self) -> None:
        """Restart all members without their data."""
        self.kill()
        for index in range(len(self.members)):
            shutil.rmtree(self._home(index) / "data" / "version-2", ignore_errors=True)
        self.start()

    def backup(self) -> Path:
        """A copy of all there is, for ``restore``; all members are restarted for it."""
        folder = self.folder / "backup"
        self.kill()
        shutil.rmtree(folder, ignore_errors=True)
        for index in range(len(self.members)):
            shutil.copytree(self._home(index) / "data", folder / str(index))
        self.start()
        return folder

    def restore(self, backup: Path) -> None:
        """kill -9 all members, and start them again with what ``backup`` holds."""
        self.kill()
        for index in range(len(self.members)):
            shutil.rmtree(self._home(index) / "data")
            shutil.copytree(backup / str(index), self._home(index) / "data")
        self.start()

    def stop(self) -> None:
        """End all members; their data stays in the folder."""
        for member in self.members:
            member.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _free() -> _Ports:
    return _Ports(*(free_port() for _ in range(4)))


def _usual_ports(machine: Machine) -> _Ports:
    usual = (_USUAL.client, _USUAL.secure, _USUAL.peer, _USUAL.election)
    return _Ports(*(port_on(machine, wanted) for wanted in usual))


def _java() -> str:
    java = shutil.which("java")
    if java is None:
        raise RuntimeError("java is missing: install the package default-jre-headless")
    return java


def _class_path() -> str:
    if jars := os.environ.get("ZOOKEEPER_JARS"):  # another version, with all that it needs
        return f"{jars}/*"
    for jar, package in _JARS.items():
        if not (JARS / jar).exists():
            raise RuntimeError(f"{JARS / jar} is missing: install the package {package}")
    return ":".join(str(JARS / jar) for jar in _JARS)
