"""Bringing changed files into a worker that runs (management guide 9.3), each as one transaction.

HAProxy knows a file by the word in its configuration, so what it knows is asked first, and all that
lead to the changed file are brought. A transaction that fails is taken back.
"""

import base64
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path
from typing import Protocol

from lbdisc.haproxy.beside.patterns import chunks
from lbdisc.haproxy.errors import HaproxyError
from lbdisc.haproxy.sockets.contents import (
    AbortStored,
    AddToAcl,
    AddToMap,
    Clear,
    Commit,
    CommitStored,
    Kind,
    Prepare,
    SetStored,
)
from lbdisc.haproxy.sockets.orders import Order, is_word
from lbdisc.haproxy.sockets.socket import Runtime

_LISTED = re.compile(r"(\d+) \((.*?)\) .*?(?: curr_ver=(\d+) |$)")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


class FileStep(Protocol):
    """The file at ``path`` is brought in, with what it held when the step was made."""

    @property
    def path(self) -> Path: ...

    @property
    def read(self) -> tuple[tuple[Path, str], ...]:
        """The files that it is made of, and what they held."""

    @property
    def commands(self) -> tuple[str, ...]:
        """What is sent, for people."""

    def bring(self, runtime: Runtime, origin: Path) -> None:
        """Have the worker use it. Raises ``HaproxyError``; then as much as before is in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateStep:
    """The certificate at ``path`` with its key, ``content`` without blank lines."""

    path: Path
    content: str
    read: tuple[tuple[Path, str], ...]

    @property
    def commands(self) -> tuple[str, ...]:
        return f"set ssl cert {self.path} <<", f"commit ssl cert {self.path}"

    def bring(self, runtime: Runtime, origin: Path) -> None:
        listed = runtime.ask("show ssl cert").split("\n")
        names = [name for name in listed if name and not name.startswith("#")]
        for name in _known(names, self.path, origin):
            with _taken_back(runtime, AbortStored(name)):
                runtime.run([SetStored(name, content=self.content)])
                runtime.run([CommitStored(name)])
            self._read_back(runtime, name)

    def _read_back(self, runtime: Runtime, name: str) -> None:
        """HAProxy has lost sight of what uses a certificate where its "ca-file" was committed (2.6,
        3.0; measured): then clients would not be shown the new one."""
        told = runtime.ask(f"show ssl cert {name}")
        wanted = fingerprint(self.content)
        if "Status: Used" not in told or wanted not in told.replace(":", "").upper():
            raise HaproxyError(f"certificate {name} is not the one in use after the change")


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternStep:
    """The entries of a map, or of a list of patterns, all at once."""

    path: Path
    read: tuple[tuple[Path, str], ...]
    entries: tuple[bytes, ...]
    words: tuple[str, ...] | None = None  # the same for a list

    @property
    def _kind(self) -> Kind:
        return "map" if self.words is None else "acl"

    @property
    def commands(self) -> tuple[str, ...]:
        return f"prepare {self._kind} {self.path}", f"commit {self._kind} {self.path}"

    def bring(self, runtime: Runtime, origin: Path) -> None:
        numbers = {name: number for number, name, _ in self._listed(runtime) if name}
        for name in _known(list(numbers), self.path, origin):
            self._bring(runtime, numbers[name], name)

    def _bring(self, runtime: Runtime, number: int, name: str) -> None:
        prepare = Prepare(number, self._kind)
        version = prepare.version(runtime.run([prepare])[0])
        with _taken_back(runtime, Clear(number, version, self._kind)):
            for orders in self._added(number, version):
                runtime.run(orders)
            runtime.run([Commit(number, version, self._kind)])
        now = {number: version for number, _, version in self._listed(runtime)}
        if now.get(number) != str(version):
            raise HaproxyError(f"{self._kind} {name} is another one after the change")

    def _added(self, number: int, version: int) -> Iterator[Sequence[Order]]:
        """What adds the entries, as much of it as others at the socket may wait for at once."""
        if self.words is not None:
            yield [AddToAcl(number, version, word) for word in self.words]
            return
        for lines in chunks(self.entries):
            yield [AddToMap(number, version, lines)]

    def _listed(self, runtime: Runtime) -> Iterator[tuple[int, str, str]]:
        for line in runtime.ask(f"show {self._kind}").split("\n"):
            if found := _LISTED.match(line):
                yield int(found[1]), found[2], found[3] or ""


def _known(names: list[str], path: Path, origin: Path) -> list[str]:
    """Which of ``names`` lead to ``path``. Raises ``HaproxyError`` where none does."""
    wanted = str(path)
    found = []
    for name in names:
        word = name.removeprefix("file@").removeprefix("opt@")
        if os.path.normpath(origin / word) == wanted:
            found.append(name)
    if not found or not all(map(is_word, found)):
        raise HaproxyError(f"HAProxy does not know {path} by a name that can be sent")
    return found


@contextmanager
def _taken_back(runtime: Runtime, undo: Order) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(HaproxyError):
            runtime.run([undo])
        raise


def fingerprint(content: str) -> str:
    """That of the first certificate in ``content``, as HAProxy shows it; ``""`` without one."""
    found = _PEM.search(content)
    try:
        return sha1(base64.b64decode(found[1])).hexdigest().upper() if found else ""
    except ValueError:  # of which binascii.Error is one
        return ""
