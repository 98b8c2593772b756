"""Orders that change what HAProxy holds of files: certificates, lines of maps and ACL files.

Each is a transaction (management manual, "set ssl cert", "prepare map"): nothing serves of it
before its commit. ``path`` is the word by which the configuration names the file; maps and ACL
files also have a number, the first word of their line in ``show map`` and ``show acl``.
"""

import re
from dataclasses import dataclass
from typing import ClassVar, Literal

from lbdisc.haproxy.sockets.orders import Order, is_word

Kind = Literal["map", "acl"]
Stored = Literal["cert", "ca-file", "crl-file"]
_NUMBER = re.compile(r"#\d+")
# Words that need no escaping in a command, also those of regular expressions.
_PATTERN = re.compile(r"[!$%&()*+,\-./0-9:=>?@A-Z\[\]^_`a-z{|}~]+")


def is_pattern(text: str) -> bool:
    """Whether ``text`` can be added to an ACL file."""
    return _PATTERN.fullmatch(text) is not None


def payload_of(content: str) -> str:
    """``content`` of a file of the TLS store as the payload of a command: without blank lines."""
    return "".join(f"{line}\n" for line in content.split("\n") if line.strip())


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
        return payload_of(self.content)


@dataclass(frozen=True, slots=True)
class CommitStored(_Stored):
    """Let the transaction serve: handshakes from now on see it."""

    success: ClassVar[re.Pattern[str]] = re.compile(r"Committing .*Success!", re.S)

    @property
    def lasts(self) -> float:
        return 45.0  # a dot comes for every place that uses it, the end behind the last one

    def words(self) -> tuple[str, ...]:
        return ("commit", "ssl", self.kind, self.path)


@dataclass(frozen=True, slots=True)
class AbortStored(_Stored):
    """Forget the transaction."""

    success: ClassVar[re.Pattern[str]] = re.compile(r"[Tt]ransaction aborted for .*", re.S)

    def words(self) -> tuple[str, ...]:
        return ("abort", "ssl", self.kind, self.path)


@dataclass(frozen=True, slots=True)
class _Patterns(Order):
    """An order on a map or an ACL file: the configuration's word for it, or its number."""

    file: str | int

    @property
    def target(self) -> str:
        return self.file if isinstance(self.file, str) else f"#{self.file}"

    def takes(self, word: str) -> bool:
        return is_word(word) or _NUMBER.fullmatch(word) is not None


@dataclass(frozen=True, slots=True)
class Prepare(_Patterns):
    """Make an empty next version; ``version`` reads its number."""

    kind: Kind
    success: ClassVar[re.Pattern[str]] = re.compile(r"New version created: ([0-9]{1,18})")

    def words(self) -> tuple[str, ...]:
        return ("prepare", self.kind, self.target)

    def version(self, reply: str) -> int:
        """The number in ``reply``. Raises ``Refused``."""
        self.check(reply)
        found = self.success.fullmatch(reply.strip())
        assert found is not None
        return int(found[1])


@dataclass(frozen=True, slots=True)
class _Prepared(_Patterns):
    """An order on the prepared ``version``."""

    version: int

    def told(self, verb: str, kind: Kind, *more: str) -> tuple[str, ...]:
        return (verb, kind, f"@{self.version}", self.target, *more)


@dataclass(frozen=True, slots=True)
class AddToMap(_Prepared):
    """Add lines of key and value to the prepared ``version`` of a map."""

    lines: tuple[str, ...]

    def words(self) -> tuple[str, ...]:
        return self.told("add", "map")

    @property
    def payload(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)


@dataclass(frozen=True, slots=True)
class AddToAcl(_Prepared):
    """Add one pattern to the prepared ``version`` of an ACL file; no version takes a payload."""

    pattern: str

    def takes(self, word: str) -> bool:
        return is_pattern(word) or _NUMBER.fullmatch(word) is not None

    def words(self) -> tuple[str, ...]:
        return self.told("add", "acl", self.pattern)


@dataclass(frozen=True, slots=True)
class Commit(_Prepared):
    """Let the prepared ``version`` serve, instead of what was there."""

    kind: Kind

    def words(self) -> tuple[str, ...]:
        return self.told("commit", self.kind)


@dataclass(frozen=True, slots=True)
class Clear(_Prepared):
    """Forget what was added to the prepared ``version``."""

    kind: Kind

    def words(self) -> tuple[str, ...]:
        return self.told("clear", self.kind)
