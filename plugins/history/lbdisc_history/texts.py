"""Texts by their digest, compressed: what several generations share is kept once."""

import os
import tempfile
import zlib
from collections.abc import Collection
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from lbdisc import atomic, own_files
from lbdisc.errors import LbdiscError

_QUICK = 1  # zlib's level: a tenth larger than the best on configurations, at a quarter of the time


class TextFolder:
    """The folder ``texts`` of a journal. Written by one; what is there never changes.

    What was put is on disk for certain after ``sync``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._unsynced: list[Path] = []

    def put(self, text: str, *, most: int) -> tuple[str, int]:
        """Its digest, and the bytes that it takes anew on disk; 0 if it was here.

        One that would take more than ``most`` bytes has the digest ``""``. Raises ``OSError``.
        """
        raw = atomic.encoded(text)
        digest = sha256(raw).hexdigest()
        path = self.folder / digest
        if path.exists():
            return digest, 0
        packed = zlib.compress(raw, _QUICK)
        if len(packed) > most:
            return "", 0
        own_files.make_folder(self.folder, 0o700)
        _install(path, packed)
        self._unsynced.append(path)
        return digest, len(packed)

    def sync(self) -> None:
        """Wait until all that was put is on disk. Raises ``OSError``."""
        if not self._unsynced:
            return
        while self._unsynced:
            with suppress(FileNotFoundError):  # dropped meanwhile
                synced(self._unsynced[-1])
            self._unsynced.pop()
        synced(self.folder)

    def get(self, digest: str) -> str:
        """Raises ``LbdiscError`` where it is not kept any more, or damaged."""
        if not digest:
            raise LbdiscError("the text was too large for history.max_mb, and is not kept")
        try:
            raw = zlib.decompress(own_files.read(self.folder / digest))
        except FileNotFoundError:
            raise LbdiscError(f"the text {digest[:12]} is not kept any more") from None
        except (OSError, zlib.error) as error:
            raise LbdiscError(f"cannot read the text {self.folder / digest}: {error}") from error
        if sha256(raw).hexdigest() != digest:
            raise LbdiscError(f"the text {self.folder / digest} is damaged")
        return raw.decode(errors="surrogateescape")

    def sizes(self) -> dict[str, int]:
        """The bytes of each by digest; what a killed writer left half done is removed."""
        found: dict[str, int] = {}
        with suppress(FileNotFoundError), os.scandir(self.folder) as files:
            for file in files:
                if file.name.startswith("."):
                    Path(file.path).unlink(missing_ok=True)
                else:
                    found[file.name] = file.stat().st_size
        return found

    def drop(self, digest: str) -> None:
        """Forget it. Raises ``OSError``."""
        (self.folder / digest).unlink(missing_ok=True)

    def drop_all_but(self, named: Collection[str]) -> None:
        """Forget those that nothing names any more. Raises ``OSError``."""
        for digest in self.sizes().keys() - set(named):
            self.drop(digest)


def _install(path: Path, packed: bytes) -> None:
    """In one step, for this user alone; its digest tells of what did not come to the disk."""
    descriptor, name = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(packed)
        Path(name).rename(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def synced(path: Path) -> None:
    """Wait until the file or folder at ``path`` is on disk. Raises ``OSError``."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
