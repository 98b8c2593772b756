"""Orders that change what HAProxy holds of files: certificates, lines of maps and ACL files.

Each is a transaction (management manual, "set ssl cert", "prepare map"): nothing serves of it
before its commit. ``path`` is the word by which the configuration names the file.
"""

import re
from dataclasses import dataclass
from typing import ClassVar, Literal

from lbdisc.haproxy.sockets.orders import Order

Kind = Literal["map", "acl"]
Stored = Literal["cert", "ca-file", "crl-file"]


@dataclass(frozen=True, slots=True)
class _Stored(Order):
    """An order on what the TLS store has as ``path``, with what belongs to its name (``.ocsp``)."""

    path: str
    kind: Stored = "cert"

    @property
    def target(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True)
class SetStored(_Stored):
    """Begin or go on with a transaction: ``content`` as the file has it, blank lines do not count.

    A payload is at most ``MAX_PAYLOAD`` bytes: ``HaproxyError`` beyond.
    """

    content: str = ""
    success: ClassVar[re.Pattern[str]] = re.compile(
        r"[Tt]ransaction (?:created|updated) for (?:certificate|CA|CRL) .*", re.S
    )

    def words(self) -> tuple[str, ...]:
        return ("set", "ssl", self.kind, self.path)

    @property
    def payload(self) -> str:
        lines = (line for line in self.content.split("\n") if line.strip())
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class CommitStored(_Stored):
    """Let the transaction serve: handshakes from now on see it."""

    success: ClassVar[re.Pattern[str]] = re.compile(r"Committing .*\nSuccess!", re.S)

    def words(self) -> tuple[str, ...]:
        return ("commit", "ssl", self.kind, self.path)


@dataclass(frozen=True, slots=True)
class AbortStored(_Stored):
    """Forget the transaction."""

    success: ClassVar[re.Pattern[str]] = re.compile(r"[Tt]ransaction aborted for .*", re.S)

    def words(self) -> tuple[str, ...]:
        return ("abort", "ssl", self.kind, self.path)


@dataclass(frozen=True, slots=True)
class Prepare(Order):
    """Make an empty next version of a map or an ACL file; ``version`` reads its number."""

    kind: Kind
    path: str
    success: ClassVar[re.Pattern[str]] = re.compile(r"New version created: (\d+)")

    @property
    def target(self) -> str:
        return self.path

    def words(self) -> tuple[str, ...]:
        return ("prepare", self.kind, self.path)

    def version(self, reply: str) -> int:
        """The number in ``reply``. Raises ``Refused``."""
        self.check(reply)
        found = self.success.fullmatch(reply.strip())
        assert found is not None
        return int(found[1])


@dataclass(frozen=True, slots=True)
class AddToMap(Order):
    """Add lines of key and value to the prepared ``version`` of a map."""

    path: str
    version: int
    lines: tuple[str, ...]

    @property
    def target(self) -> str:
        return self.path

    def words(self) -> tuple[str, ...]:
        return ("add", "map", f"@{self.version}", self.path)

    @property
    def payload(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)


@dataclass(frozen=True, slots=True)
class AddToAcl(Order):
    """Add one pattern to the prepared ``version`` of an ACL file; no version takes a payload."""

    path: str
    version: int
    pattern: str

    @property
    def target(self) -> str:
        return self.path

    def words(self) -> tuple[str, ...]:
        return ("add", "acl", f"@{self.version}", self.path, self.pattern)


@dataclass(frozen=True, slots=True)
class Commit(Order):
    """Let the prepared ``version`` serve, instead of what was there."""

    kind: Kind
    path: str
    version: int

    @property
    def target(self) -> str:
        return self.path

    def words(self) -> tuple[str, ...]:
        return ("commit", self.kind, f"@{self.version}", self.path)
