"""The file backend keeps the contract."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from lbdisc import records
from lbdisc.testing import Backend, ContractSuite
from lbdisc.testing.backend import Ability
from lbdisc.values import Endpoint


class FileBackend(Backend):
    """A folder that is reached through a link, so that it can go away and come back."""

    name = "file"
    cannot: ClassVar[dict[Ability, str]] = {
        "stall": "the kernel answers for a local folder at once",
        "restart": "a folder has no server",
        "restart_all": "a folder has no server",
        "kill_leader": "a folder has no server",
        "compact": "a folder keeps no history",
        "start_unreachable": "a folder that was never there is a wrong setting",
    }
    detection = 6.0
    patience = 10.0

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "real"
        self._folder.mkdir()
        self._link = folder / "nodes"
        self.heal()

    def settings(self) -> dict[str, object]:
        return {"file.dir": str(self._link), "file.ttl": 1.0}

    def _path(self, service: str, name: str) -> Path:
        return self._folder / service / f"{name}.json"

    def write(self, endpoint: Endpoint) -> None:
        text = records.write(endpoint).encode()
        self.write_raw(endpoint.service, endpoint.name, text)

    def write_raw(self, service: str, name: str, value: bytes) -> None:
        path = self._path(service, name)
        path.parent.mkdir(exist_ok=True)
        staged = path.parent / ".staged"
        staged.write_bytes(value)
        staged.replace(path)

    def hostile_names(self) -> tuple[str, ...]:
        return tuple(name for name in super().hostile_names() if len(name) < 250)

    def remove(self, endpoint: Endpoint) -> None:
        self._path(endpoint.service, endpoint.name).unlink()

    def cut(self) -> None:
        self._link.unlink()

    def heal(self) -> None:
        if not self._link.is_symlink():
            self._link.symlink_to(self._folder)

    def wipe(self) -> None:
        for path in self._folder.glob("*/*"):
            path.unlink(missing_ok=True)


class TestFileContract(ContractSuite):
    plugin = "file"

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Iterator[Backend]:
        with FileBackend(tmp_path) as backend:
            yield backend
