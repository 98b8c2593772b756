"""etcd's own command line, as root, for tests: what an operator or another program would do."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping

from lbdisc import Endpoint, records
from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers.certificates import Certificates

PREFIX = "/lbdisc"
ROOT_PASSWORD = "root-password"
USER = "lbdisc"
PASSWORD = "correct-horse"
BATCH = 2000  # puts that fit into one message of etcdctl, with 500 bytes each


class Etcdctl:
    """Commands to whichever members run; ``urls`` tells them. All raise ``AssertionError``."""

    def __init__(self, urls: Callable[[], list[str]], certificates: Certificates | None) -> None:
        self._urls = urls
        self._certificates = certificates
        self.auth = False

    def run(
        self,
        *arguments: str,
        stdin: str = "",
        urls: list[str] | None = None,
        check: bool = True,
    ) -> str:
        """Run one command; returns its output."""
        command = [binary("etcdctl", "etcd-client")]
        if addresses := self._urls() if urls is None else urls:
            command.append(f"--endpoints={','.join(addresses)}")
        if self._certificates:
            command += _tls_arguments(self._certificates)
        environment = {**os.environ, "ETCDCTL_API": "3"}
        if self.auth:
            environment["ETCDCTL_USER"] = f"root:{ROOT_PASSWORD}"
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
        """Put, again and again while an election is on."""

        def done() -> bool:
            self.run("put", "--", key, value)
            return True

        eventually(done, what=f"put {key}")

    def put_all(self, values: Mapping[str, str]) -> None:
        """All of ``values``, up to 2000 in one transaction, which is one revision."""
        lines = [f"put {_quoted(key)} {_quoted(value)}" for key, value in values.items()]
        while lines:
            some, lines = lines[:BATCH], lines[BATCH:]
            self.run("txn", stdin="\n" + "\n".join(some) + "\n\n\n")

    def delete(self, key: str, *options: str) -> None:
        self.run("del", key, *options)

    def keys(self, prefix: str = f"{PREFIX}/") -> list[str]:
        found = self.run("get", "--prefix", "--keys-only", prefix)
        return [line for line in found.splitlines() if line]

    def value(self, key: str) -> str:
        """The value of ``key``; empty when there is none."""
        return self.run("get", "--print-value-only", key).rstrip("\n")

    def endpoint(self, key: str) -> Endpoint | None:
        """What the record at ``key`` describes; ``None`` when there is none."""
        service, name = key.split("/")[-2:]
        value = self.value(key)
        return records.read(value, service=service, name=name) if value else None

    def field(self, key: str, field: str) -> int:
        """A number that etcd keeps with ``key``: ``Lease``, ``ModRevision``, … 0 when absent."""
        lines = self.run("get", key, "--write-out=fields").splitlines()
        found = [line.split(":")[1] for line in lines if line.startswith(f'"{field}"')]
        return int(found[0]) if found else 0

    @property
    def revision(self) -> int:
        """The newest revision of the cluster."""
        return self.field("no-such-key", "Revision")

    def leases(self) -> list[str]:
        """The ids of all leases."""
        return self.run("lease", "list").split()[3:]

    def compact(self) -> None:
        """Forget every revision but the newest."""
        self.run("compact", "--physical", str(self.revision))

    def leads(self, url: str) -> bool:
        """Whether the member at ``url`` is the leader."""
        status = self.run("endpoint", "status", urls=[url], check=False)
        # endpoint, ID, version, size, is leader, …
        return status.split(", ")[4:5] == ["true"]

    def enable_auth(self) -> None:
        """A root user, and a user with rights on the prefix only."""
        self.auth = False
        self.run("user", "add", f"root:{ROOT_PASSWORD}")
        self.run("user", "grant-role", "root", "root", check=False)
        self.run("role", "add", USER)
        self.grant()
        self.run("user", "add", f"{USER}:{PASSWORD}")
        self.run("user", "grant-role", USER, USER)
        self.run("auth", "enable")
        self.auth = True

    def grant(self, permission: str = "readwrite") -> None:
        """Give the user rights on the prefix: read, write or readwrite."""
        self.run("role", "grant-permission", USER, permission, f"{PREFIX}/", "--prefix")

    def revoke(self) -> None:
        """Take the user's rights on the prefix away."""
        self.run("role", "revoke-permission", USER, f"{PREFIX}/", f"{PREFIX}0")

    def end_tokens(self) -> None:
        """Make every token of the user void: setting a password does, also the same one."""
        self.run("user", "passwd", USER, "--interactive=false", stdin=f"{PASSWORD}\n")


def binary(name: str, package: str) -> str:
    """The path of a command. Raises ``AssertionError`` that names the Debian package."""
    found = shutil.which(name)
    assert found, f"{name} is not installed: apt-get install {package}"
    return found


def _tls_arguments(certificates: Certificates) -> list[str]:
    return [
        f"--cacert={certificates.authority.cert}",
        f"--cert={certificates.client.cert}",
        f"--key={certificates.client.key}",
    ]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
