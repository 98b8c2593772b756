"""Bringing changed files into a worker that runs (management guide 9.3), each as one transaction.

HAProxy knows a file by the word in its configuration, so what it knows is asked first, and all that
lead to the changed file are brought. A transaction that fails is taken back.
"""

import base64
import binascii
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path
from typing import Protocol

from lbdisc.haproxy.beside.patterns import chunks
from lbdisc.haproxy.errors import HaproxyError, Refused
from lbdisc.haproxy.sockets.orders import is_word
from lbdisc.haproxy.sockets.payload import ask_with_payload
from lbdisc.haproxy.sockets.socket import Runtime

_LISTED = re.compile(r"(\d+) \((.*?)\) .*?(?: curr_ver=(\d+) |$)")
_CREATED = re.compile(r"New version created: (\d+)")
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


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
    """The certificate at ``path`` with its key, ``data`` without empty lines."""

    path: Path
    data: bytes
    read: tuple[tuple[Path, str], ...]

    @property
    def commands(self) -> tuple[str, ...]:
        return f"set ssl cert {self.path} <<", f"commit ssl cert {self.path}"

    def bring(self, runtime: Runtime, origin: Path) -> None:
        names = [line for line in runtime.ask("show ssl cert").splitlines() if line[:1] != "#"]
        for name in _known([name for name in names if name], self.path, origin):
            with _taken_back(runtime, f"abort ssl cert {name}"):
                command = f"set ssl cert {name}"
                reply = ask_with_payload(str(runtime.address), command, self.data)
                if "Transaction" not in reply or "rror" in reply:
                    raise Refused(command, reply)
                commit = f"commit ssl cert {name}"
                reply = runtime.ask(commit)
                if "Success" not in reply:
                    raise Refused(commit, reply)
            self._read_back(runtime, name)

    def _read_back(self, runtime: Runtime, name: str) -> None:
        """HAProxy has lost sight of what uses a certificate where its "ca-file" was committed (2.6,
        3.0; measured): then clients would not be shown the new one."""
        told = runtime.ask(f"show ssl cert {name}")
        wanted = fingerprint(self.data)
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
    def _kind(self) -> str:
        return "map" if self.words is None else "acl"

    @property
    def commands(self) -> tuple[str, ...]:
        return f"prepare {self._kind} {self.path}", f"commit {self._kind} {self.path}"

    def bring(self, runtime: Runtime, origin: Path) -> None:
        numbers = {name: number for number, name, _ in self._listed(runtime) if name}
        for name in _known(list(numbers), self.path, origin):
            self._bring(runtime, numbers[name], name)

    def _bring(self, runtime: Runtime, number: str, name: str) -> None:
        reply = runtime.ask(f"prepare {self._kind} #{number}")
        created = _CREATED.match(reply.strip())
        if not created:
            raise Refused(f"prepare {self._kind} #{number}", reply)
        version = created[1]
        with _taken_back(runtime, f"clear {self._kind} @{version} #{number}"):
            self._add(runtime, f"add {self._kind} @{version} #{number}")
            commit = f"commit {self._kind} @{version} #{number}"
            if reply := runtime.ask(commit).strip():
                raise Refused(commit, reply)
        now = {number: version for number, _, version in self._listed(runtime)}
        if now.get(number) != version:
            raise HaproxyError(f"{self._kind} {name} is another one after the change")

    def _add(self, runtime: Runtime, command: str) -> None:
        if self.words is None:
            for chunk in chunks(self.entries):
                if reply := ask_with_payload(str(runtime.address), command, chunk):
                    raise Refused(command, reply)
            return
        for reply in runtime.ask_all([f"{command} {word}" for word in self.words]):
            if reply.strip():
                raise Refused(command, reply)

    def _listed(self, runtime: Runtime) -> Iterator[tuple[str, str, str]]:
        for line in runtime.ask(f"show {self._kind}").splitlines():
            if found := _LISTED.match(line):
                yield found[1], found[2], found[3] or ""


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
def _taken_back(runtime: Runtime, undo: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(HaproxyError):
            runtime.ask(undo)
        raise


def fingerprint(data: bytes) -> str:
    """That of the first certificate in ``data``, as HAProxy shows it; ``""`` if there is none."""
    found = _PEM.search(data)
    try:
        return sha1(base64.b64decode(found[1])).hexdigest().upper() if found else ""
    except binascii.Error:
        return ""
