"""Secrets that stand in files, and what such a file says now."""

from contextlib import suppress
from pathlib import Path

from pydantic import SecretStr


class FileSecret(SecretStr):
    """The secret that ``path`` held when the settings were read. Raises as reading a file does."""

    def __init__(self, path: Path) -> None:
        super().__init__(_read(path))
        self.path = path


def current(secret: SecretStr) -> str:
    """The secret as its file says now, for what is started or logs in again after a rotation.

    A file that cannot be read now, or is empty, leaves the value that it had with the settings;
    so does a secret that stands in no file.
    """
    if isinstance(secret, FileSecret):
        with suppress(OSError, ValueError):
            return _read(secret.path) or secret.get_secret_value()
    return secret.get_secret_value()


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").rstrip("\r\n")
