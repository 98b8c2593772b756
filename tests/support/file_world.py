"""A folder as a world: how it is written to, read and hurt."""

import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from lbdisc import records
from lbdisc.testing.waiting import eventually
from support.worlds import LATE, TTL, World


class FileWorld(World):
    """A folder; the agent reaches it through one link and the nodes through another."""

    name = "file"
    leases = "lease in {}.json"
    cannot: ClassVar[dict[str, str]] = {
        "stall": "the kernel answers for a local folder at once",
        "alone": "a folder has no members",
        "rotate": "a folder asks for no password",
    }

    def open(self) -> None:
        self._real, self._kept = self.folder / "real", self.folder / "kept"
        self._other = self.folder / "other"
        self._real.mkdir()
        self._agents, self._nodes = self.folder / "agents-way", self.folder / "nodes-way"

    @property
    def settings(self) -> dict[str, Any]:
        return {"file.dir": self._agents, "file.ttl": TTL}

    def node_settings(self, index: int) -> Mapping[str, object]:
        return {"file.dir": self._nodes, "file.ttl": TTL}

    @property
    def entries(self) -> Path:
        return self._real / "nodes"

    def listed(self) -> set[str]:
        seen = self._agents if self._agents.is_symlink() else self._real
        return {path.stem for path in (seen / "nodes").glob("[!.]*.json") if _lives(path)}

    def put_raw(self, name: str, value: bytes) -> None:
        self.entries.mkdir(exist_ok=True)
        staged = self.entries / ".by-hand"
        staged.write_bytes(value)
        staged.replace(self.entries / f"{name}.json")

    def remove(self, name: str) -> None:
        (self.entries / f"{name}.json").unlink(missing_ok=True)

    def kill(self) -> None:
        self.cut()
        self.cut_nodes()

    def restart(self) -> None:
        self.mend()
        self.mend_nodes()

    def pause(self) -> None:
        raise NotImplementedError(self.cannot["stall"])

    def resume(self) -> None:
        """Nothing ever freezes."""

    def wipe(self) -> None:
        # Registrars may write while it goes; what they write then is new.
        shutil.rmtree(self.entries, ignore_errors=True)

    def jump(self, seconds: float) -> None:
        for path in self.entries.glob("[!.]*.json"):
            os.utime(path, (time.time() + seconds, time.time() + seconds))

    def backup(self) -> None:
        shutil.rmtree(self._kept, ignore_errors=True)
        shutil.copytree(self.entries, self._kept)  # with the times of the files

    def restore(self) -> None:
        self.wipe()
        shutil.copytree(self._kept, self.entries, dirs_exist_ok=True)
        self._until_written()

    def rebuild(self) -> None:
        self.wipe()
        self._until_written()

    def _until_written(self) -> None:
        """A folder has no history to run out: what others write is their own entries."""
        eventually(lambda: self.listed() >= set(self.nodes), what="all nodes to be listed")

    def cut(self) -> None:
        self._agents.unlink(missing_ok=True)

    def mend(self) -> None:
        _lead(self._agents, self._real)

    def swap(self) -> None:
        entries = self._other / "nodes"
        entries.mkdir(parents=True, exist_ok=True)
        (entries / f"{LATE}.json").write_text(records.write(self.late.endpoint))
        _lead(self._agents, self._other)

    def cut_nodes(self) -> None:
        self._nodes.unlink(missing_ok=True)

    def mend_nodes(self) -> None:
        _lead(self._nodes, self._real)


def _lead(link: Path, folder: Path) -> None:
    staged = link.with_name(f".{link.name}")
    staged.symlink_to(folder)
    staged.replace(link)


def _lives(path: Path) -> bool:
    try:
        record = json.loads(path.read_bytes())
        ttl = record.get("ttl") if isinstance(record, dict) else None
        return ttl is None or path.stat().st_mtime + ttl > time.time()
    except (FileNotFoundError, ValueError, RecursionError):
        return False
