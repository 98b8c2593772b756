"""TLS, right and wrong in every way, to etcd and to ZooKeeper: it works, or one line says why not.

Each line names the setting to look at. One HAProxy is the server with all these certificates; what
it leads to is real.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lbdisc.errors import LbdiscError
from lbdisc.hooks import Discovery
from lbdisc.testing.proxy import FaultProxy
from lbdisc.testing.recorder import Recorder
from lbdisc.testing.waiting import eventually
from lbdisc_etcd.discovery import EtcdDiscovery
from lbdisc_lab.servers import etcd, zookeeper
from lbdisc_lab.servers.etcd.roles import settings_of
from lbdisc_lab.servers.zookeeper.roles import settings_from
from lbdisc_zookeeper.discovery import ZooKeeperDiscovery
from support.tls_fronts import IP, NAME, TlsFronts, broken_files

Said = tuple[str, ...]
WORKS: Said = ()


@dataclass(frozen=True)
class Trial:
    """Through ``door``, at ``host``, with ``files`` by setting: a certificate's or a fault's name.

    What is said on etcd and on ZooKeeper; nothing where it works.
    """

    name: str
    etcd: Said
    zookeeper: Said
    door: str = "good"
    host: str = IP
    files: dict[str, str] = field(default_factory=dict)
    verify: str = "full"
    tls: bool = True

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


CA = {"ca_file": "authority"}
OURS = {"cert_file": "ours", "key_file": "ours", **CA}
NO_CERT = {"cert_file": "missing"}


def both(name: str, *said: str, **more: Any) -> Trial:
    """A trial of which both say ``TABLE.SETTING`` and the same words."""
    return Trial(name, said, said, **more)


def of(name: str, *, etcd: str, zookeeper: str, **more: Any) -> Trial:
    """A trial of which each says something of its own."""
    return Trial(name, (etcd,), (zookeeper,), **more)


UNTRUSTED = {
    "etcd": "the server's certificate is not trusted ({}), see etcd.ca_file",
    "zookeeper": "its certificate is refused: {} (see zookeeper.ca_file)",
}
ELSEWHERE = {
    "etcd": "the server's certificate is for another host, see etcd.endpoints",
    "zookeeper": "certificate is not valid for '{}'. (see zookeeper.hosts, zookeeper.verify)",
}
UNTIMELY = {
    "etcd": "certificate {}: renew it there, or set this host's clock (etcd.endpoints)",
    "zookeeper": "certificate {}: renew it there, or set this host's clock (see zookeeper.hosts)",
}


def told(words: dict[str, str], what: str) -> dict[str, str]:
    return {table: text.format(what) for table, text in words.items()}


TRIALS = [
    both("right authority", files=CA),
    both("right authority and certificate", files=OURS, door="wants"),
    both("address in the certificate", files=CA, door="by_ip"),
    both("name in the certificate", files=CA, door="by_name", host=NAME),
    of(
        "other authority",
        **told(UNTRUSTED, "unable to get local issuer certificate"),
        files={"ca_file": "other"},
    ),
    of("authorities of the system", **told(UNTRUSTED, "unable to get local issuer certificate")),
    of(
        "server of another authority",
        **told(UNTRUSTED, "unable to get local issuer certificate"),
        files=CA,
        door="foreign",
    ),
    of(
        "server that signed for itself",
        etcd="is not trusted (self signed certificate), see etcd.ca_file",
        zookeeper="is refused: self-signed certificate (see zookeeper.ca_file)",
        files=CA,
        door="self_signed",
    ),
    of("expired server", **told(UNTIMELY, "has expired"), files=CA, door="expired"),
    of("server of tomorrow", **told(UNTIMELY, "is not yet valid"), files=CA, door="early"),
    of("another host", **told(ELSEWHERE, IP), files=CA, door="elsewhere"),
    of("name for an address", **told(ELSEWHERE, IP), files=CA, door="by_name"),
    of("address for a name", **told(ELSEWHERE, NAME), files=CA, door="by_ip", host=NAME),
    of("common name alone", **told(ELSEWHERE, IP), files=CA, door="by_cn"),
    of(
        "no certificate of ours",
        etcd="the server wants a certificate: set etcd.cert_file and etcd.key_file",
        zookeeper="it wants a certificate of ours (see zookeeper.cert_file)",
        files=CA,
        door="wants",
    ),
    of(
        "another's certificate",
        etcd="refuses our certificate, see etcd.cert_file and etcd.key_file",
        zookeeper="it refuses our certificate: tlsv1 alert unknown ca (see zookeeper.cert_file)",
        files=CA | {"cert_file": "theirs", "key_file": "theirs"},
        door="wants",
    ),
    both(
        "expired certificate of ours",
        "refuses our certificate",
        "{table}.cert_file",
        "expired on",
        files=CA | {"cert_file": "stale", "key_file": "stale"},
        door="wants",
    ),
    of(
        "TLS to a server without",
        etcd="(does it want http:// in etcd.endpoints?)",
        zookeeper="no TLS with it: unexpected eof while reading (see zookeeper.tls, ",
        files=CA,
        door="plain",
    ),
    of(
        "no TLS to a server with it",
        etcd="(does it want https:// in etcd.endpoints?)",
        zookeeper="it wants TLS (see zookeeper.tls)",
        tls=False,
    ),
    of(
        "TLS 1.0 and 1.1",
        etcd="the server speaks no TLS 1.2 or newer (etcd.endpoints)",
        zookeeper="it speaks no TLS 1.2 or newer (see zookeeper.hosts)",
        files=CA,
        door="old",
    ),
    both(
        "another's key",
        "{table}.key_file",
        "theirs.key: not the key of {table}.cert_file",
        files=CA | {"cert_file": "ours", "key_file": "theirs"},
    ),
    both("no authority's file", "{table}.ca_file", "No such file", files={"ca_file": "missing"}),
    both("a folder", "{table}.ca_file", "Is a directory", files={"ca_file": "folder"}),
    both("empty authority", "{table}.ca_file", ": empty", files={"ca_file": "empty"}),
    both("broken authority", "{table}.ca_file", "no PEM", files={"ca_file": "garbage"}),
    both("no certificate's file", "{table}.cert_file", "No such", files=OURS | NO_CERT),
    both(
        "broken certificate", "{table}.cert_file", "no PEM", files=OURS | {"cert_file": "garbage"}
    ),
    both("empty certificate", "{table}.cert_file", ": empty", files=OURS | {"cert_file": "empty"}),
    both("no key's file", "{table}.key_file", "No such file", files=OURS | {"key_file": "missing"}),
    both("empty key", "{table}.key_file", ": empty", files=OURS | {"key_file": "empty"}),
    both("locked key", "{table}.key_file", "encrypted", files=OURS | {"key_file": "locked"}),
    both("key alone", "key_file is set", "cert_file", files=CA | {"key_file": "ours"}),
    of(
        "certificate alone",
        etcd="cert_file is set but key_file is not: give both or none",
        zookeeper=": no private key in it (PEM)",
        files=CA | {"cert_file": "ours"},
    ),
]
FORGIVING = [
    Trial("no verification", (), WORKS, verify="none", door="foreign"),
    Trial("no verification of time", (), WORKS, verify="none", door="expired"),
    Trial("no verification of names", (), WORKS, verify="ca", door="elsewhere", files=CA),
    Trial(
        "authorities alone",
        (),
        (told(UNTRUSTED, "unable to get local issuer certificate")["zookeeper"],),
        verify="ca",
        door="foreign",
        files=CA,
    ),
    Trial(
        "authorities and time alone",
        (),
        (told(UNTIMELY, "has expired")["zookeeper"],),
        verify="ca",
        door="expired",
        files=CA,
    ),
]


class Rig:
    """A registry behind all doors."""

    table: str

    def __init__(self, folder: Path, port: int) -> None:
        self.fronts = TlsFronts(folder, port)
        self.broken = broken_files(folder / "broken", self.fronts)

    def _path(self, setting: str, which: str) -> Path:
        if which in self.broken:
            return self.broken[which]
        if setting == "ca_file":
            return {"authority": self.fronts.authority, "other": self.fronts.other}[which].cert
        found = {"ours": self.fronts.ours, "stale": self.fronts.stale, "theirs": self.fronts.theirs}
        return found[which].key if setting == "key_file" else found[which].cert

    def files(self, trial: Trial) -> dict[str, Path]:
        return {setting: self._path(setting, which) for setting, which in trial.files.items()}

    def discovery(self, trial: Trial, port: int = 0) -> Discovery:
        """Through ``port`` if given."""
        raise NotImplementedError

    def said(self, trial: Trial) -> str:
        """The one line that the first failure is; empty if there is none."""
        seen, stop = Recorder(), threading.Event()

        def publish(*args: Any, **more: Any) -> None:
            seen(*args, **more)
            stop.set()

        try:
            self.discovery(trial).watch(publish, stop)
        except LbdiscError as error:
            assert seen.snapshots == []
            return str(error)
        return ""


class EtcdRig(Rig):
    table = "etcd"

    def discovery(self, trial: Trial, port: int = 0) -> Discovery:
        scheme = "https" if trial.tls else "http"
        url = f"{scheme}://{trial.host}:{port or self.fronts.port(trial.door)}"
        return EtcdDiscovery(settings_of({"etcd.endpoints": [url]}, **self.files(trial)))


class ZooKeeperRig(Rig):
    table = "zookeeper"

    def discovery(self, trial: Trial, port: int = 0) -> Discovery:
        hosts = {"zookeeper.hosts": [f"{trial.host}:{port or self.fronts.port(trial.door)}"]}
        own = {"tls": trial.tls, "verify": trial.verify, "connect_timeout": 1.0}
        own["session_timeout"] = 2.0
        return ZooKeeperDiscovery(settings_from(hosts, **own, **self.files(trial)))


@pytest.fixture(scope="module")
def etcd_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdRig]:
    folder = tmp_path_factory.mktemp("etcd")
    with etcd.start(folder / "server") as server:
        rig = EtcdRig(folder, server.servers[0].client_port)
        with rig.fronts:
            yield rig


@pytest.fixture(scope="module")
def zookeeper_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZooKeeperRig]:
    folder = tmp_path_factory.mktemp("zookeeper")
    with zookeeper.start(folder / "server") as server:
        rig = ZooKeeperRig(folder, int(server.plain_hosts[0].rpartition(":")[2]))
        with rig.fronts:
            yield rig


def check(said: str, wanted: Said, table: str) -> None:
    """``said`` is one line with all that is ``wanted``, or nothing where that is."""
    assert "\n" not in said
    assert bool(said) == bool(wanted), said
    for words in wanted:
        assert words.format(table=table) in said


def tried(rig: Rig, trial: Trial) -> str:
    try:
        return rig.said(trial)
    except ValueError as error:  # a setting that contradicts another
        return str(error)


@pytest.mark.parametrize("trial", TRIALS, ids=str)
def test_etcd(etcd_rig: EtcdRig, trial: Trial) -> None:
    check(tried(etcd_rig, trial), trial.etcd, "etcd")


@pytest.mark.parametrize("trial", TRIALS + FORGIVING, ids=str)
def test_zookeeper(zookeeper_rig: ZooKeeperRig, trial: Trial) -> None:
    check(tried(zookeeper_rig, trial), trial.zookeeper, "zookeeper")


def intruded(rig: Rig) -> str:
    """What is said when another server is on the way from the second connection on."""
    seen, errors = Recorder(), list[LbdiscError]()
    with FaultProxy(rig.fronts.port("good")) as proxy:
        discovery = rig.discovery(TRIALS[0], proxy.port)

        def run() -> None:
            try:
                discovery.watch(seen, threading.Event())
            except LbdiscError as error:
                errors.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        eventually(lambda: seen.snapshots)
        proxy.target = IP, rig.fronts.port("foreign")
        proxy.drop()
        thread.join(60)
    assert len(seen.snapshots) == 1
    return str(errors[0])


def test_who_stands_between_at_a_reconnect_gets_nothing_of_etcd(etcd_rig: EtcdRig) -> None:
    assert "not trusted" in intruded(etcd_rig)


def test_who_stands_between_at_a_reconnect_gets_nothing_of_zookeeper(
    zookeeper_rig: ZooKeeperRig,
) -> None:
    assert "see zookeeper.ca_file" in intruded(zookeeper_rig)
