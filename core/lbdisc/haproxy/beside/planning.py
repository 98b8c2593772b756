"""What it takes to bring in files that changed: steps at run time, or why it is a reload.

At run time only where that is known to end where a fresh start would.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from lbdisc.haproxy.beside.contents import ABSENT, Contents
from lbdisc.haproxy.beside.expansion import Expansion, Followed
from lbdisc.haproxy.beside.patterns import acl_entries, map_entries
from lbdisc.haproxy.beside.steps import CertificateStep, FileStep, PatternStep
from lbdisc.haproxy.language.named_files import Use
from lbdisc.haproxy.planning.servers import Unfit
from lbdisc.haproxy.sockets.contents import payload_of
from lbdisc.haproxy.sockets.framing import text as text_of
from lbdisc.haproxy.sockets.orders import payload_fault

AT_ONCE = 50  # files at run time; of more, a reload costs less
MOST_BYTES = (
    16_000_000  # of a map: some hundred thousand entries, in 1 to 3 s (measured, 2.6 to 3.4)
)
MOST_PATTERNS = 5000  # entries of a list: one command each
STAPLING = (".ocsp", ".issuer", ".sctl")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesPlan:
    """``changed`` are brought in by ``steps``, or by a reload for the ``reason``."""

    changed: tuple[Path, ...] = ()
    steps: tuple[FileStep, ...] = ()
    reason: str = ""

    @property
    def detail(self) -> str:
        """What is done at run time, in one line."""
        return f"{named(self.changed)}: at run time"

    def and_then(self, other: "FilesPlan") -> "FilesPlan":
        """Both."""
        return FilesPlan(
            changed=self.changed + other.changed,
            steps=self.steps + other.steps,
            reason=self.reason or other.reason,
        )

    @property
    def commands(self) -> tuple[str, ...]:
        return tuple(command for step in self.steps for command in step.commands)


def named(paths: Iterable[Path]) -> str:
    """``file /etc/ssl/site.pem (and 3 more)``."""
    found = [str(path) for path in paths]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"file {found[0]}{more}" if found else ""


def differences(before: Contents, now: Contents) -> tuple[Path, ...]:
    """The files that are others now, that came and that went."""
    return tuple(
        sorted(
            path for path in {*before, *now} if before.get(path, ABSENT) != now.get(path, ABSENT)
        )
    )


def plan(
    changed: tuple[Path, ...],
    before: Contents,
    now: Contents,
    followed: Expansion,
    *,
    texts: Mapping[Path, str] | None = None,
    most: int = AT_ONCE,
    stapled: bool = False,
) -> FilesPlan:
    """The way to have ``changed`` in use; ``texts`` are of those that are not on disk yet.

    ``stapled``: HAProxy itself keeps what it staples to certificates, which go by reload then.
    """
    if len(changed) > most:
        return FilesPlan(changed=changed, reason=f"{len(changed)} files changed at once")
    found: dict[Path, FileStep] = {}
    try:
        for path in changed:
            its = followed.get(path, Followed())
            owner = its.owner or path
            if ABSENT in (before.get(path, ABSENT), now.get(path, ABSENT)):
                raise Unfit("gone" if path in before else "new")
            if owner not in found:
                found[owner] = _step(owner, its, followed, texts or {}, stapled)
    except Unfit as why:
        word = str(why) if str(why) in ("gone", "new") else f"changed, and {why}"
        return FilesPlan(changed=changed, reason=f"file {path}: {word}")
    return FilesPlan(changed=changed, steps=tuple(found.values()))


def _step(
    path: Path, its: Followed, followed: Expansion, texts: Mapping[Path, str], stapled: bool
) -> FileStep:
    uses = followed[path].uses | its.uses if path in followed else its.uses
    if uses <= {"map", "acl"} and uses:
        return _patterns(path, _bytes(path, texts), uses)
    if uses == {"certificate"} and not stapled:
        return _certificate(path, followed)
    # `commit ssl ca-file` makes HAProxy lose sight of the certificates beside it, and the next one
    # ends it with a fault (2.6.12, 3.0.11; measured): authorities go by reload.
    raise Unfit("read only at the start")


def _patterns(path: Path, data: bytes, uses: set[Use]) -> PatternStep:
    if len(data) > MOST_BYTES:
        raise Unfit(f"its {len(data)} bytes are too many for the socket")
    read = ((path, _digest(data)),)
    if "map" in uses:
        return PatternStep(path=path, read=read, entries=map_entries(data))
    words = acl_entries(data)
    if len(words) > MOST_PATTERNS:
        raise Unfit(f"its {len(words)} entries take one command each")
    return PatternStep(path=path, read=read, entries=(), words=words)


def _certificate(path: Path, followed: Expansion) -> CertificateStep:
    """The certificate with its key, in one payload."""
    beside = [other for other, its in followed.items() if its.owner == path]
    if stapling := [other for other in beside if other.suffix in STAPLING]:
        raise Unfit(f"{stapling[0].name} belongs to it")
    data = _bytes(path, {})
    read = [(path, _digest(data))]
    for key in beside:
        text = _bytes(key, {})
        read.append((key, _digest(text)))
        if b"PRIVATE KEY-----" not in data:
            data = data.rstrip(b"\r\n") + b"\n" + text
    content = payload_of(text_of(data))
    if fault := payload_fault(content):
        raise Unfit(f"for the socket it {fault}")
    return CertificateStep(path=path, read=tuple(read), content=content)


def _bytes(path: Path, texts: Mapping[Path, str]) -> bytes:
    if path in texts:
        return texts[path].encode(errors="surrogateescape")
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unfit(f"it cannot be read: {error.strerror}") from error


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()[:32]
