"""A small file system of its own, which can be full or read-only without harm to the machine."""

import os
import subprocess
from pathlib import Path

SIZE = "256k"


class Disk:
    """A tmpfs at `folder`; root is needed to mount it. Ended with `close`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"
        _run("mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "lbdisc-test", str(folder))

    @staticmethod
    def possible() -> bool:
        """Whether this user may mount."""
        return os.geteuid() == 0

    def read_only(self) -> None:
        _run("mount", "-o", "remount,ro", str(self.folder))

    def writable(self) -> None:
        """As it was."""
        _run("mount", "-o", "remount,rw", str(self.folder))
        self._filler.unlink(missing_ok=True)

    def fill(self) -> None:
        """Not one byte is left."""
        assert self.folder.is_mount(), f"{self.folder}: the machine's own disk would be filled"
        with self._filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 4096)
            except OSError:
                return

    def close(self) -> None:
        _run("umount", "--lazy", str(self.folder))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"
