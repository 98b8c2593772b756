"""lbdisc on a folder of node files."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from lbdisc.errors import LbdiscError
from lbdisc_compare.contenders.contender import Part, Promises
from lbdisc_compare.contenders.lbdisc_backing import Backing, NodeEntry
from lbdisc_compare.contenders.lbdisc_programs import haproxy_missing, lbdisc_versions
from lbdisc_compare.contenders.lbdisc_settings import SERVICE, WRITTEN_DOWN, Settings
from lbdisc_compare.contenders.lbdisc_way import LbdiscWay
from lbdisc_compare.hosts.host import Host, HostSet

TTL = 10.0  # seconds, the default of file.ttl


class FolderBacking:
    """A folder that all hosts share; there is no server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._nodes = folder / SERVICE
        self._nodes.mkdir(parents=True)
        self.parts: Sequence[Part] = ()

    def leader(self) -> Part | None:
        return None

    def agent_settings(self, host: Host) -> Settings:
        return {"backend": "file", "file.dir": self._folder}

    def node_settings(self, name: str, host: Host) -> Settings:
        return {"backend": "file", "file.dir": self._folder}

    def welcome(self, nodes: Mapping[str, Host]) -> None:
        """Nothing runs beside an app."""

    def put(self, entry: NodeEntry) -> None:
        beside = self._nodes / f".{entry.name}.tmp"
        try:
            beside.write_text(json.dumps(entry.fields))
            beside.rename(self._nodes / f"{entry.name}.json")
        except OSError as error:
            raise LbdiscError(f"the node file of {entry.name} is not written: {error}") from error

    def put_all(self, entries: Sequence[NodeEntry]) -> None:
        for entry in entries:
            self.put(entry)

    def remove(self, name: str) -> None:
        try:
            (self._nodes / f"{name}.json").unlink()
        except OSError as error:
            raise LbdiscError(f"the node file of {name} is not removed: {error}") from error


@contextmanager
def _open(hosts: HostSet) -> Iterator[Backing]:
    yield FolderBacking(hosts.folder / "registry")


FILE = LbdiscWay(
    name="file",
    title="lbdisc, folder of files",
    open=_open,
    settings={**WRITTEN_DOWN, "file.ttl": "10 s (default), renewed every third of it"},
    lacks=haproxy_missing,
    runs=lbdisc_versions,
    promises=Promises(
        servers="none; a folder that balancers and nodes share",
        ports="none",
        quorum="none",
        clock="the reader's own monotonic clock; the writers' do not matter",
        words="A removed file is out at once. A registrar that crashed is out when its file was "
        "not renewed for its ttl.",
        shows_in="crash",
        crash_bound=TTL,
        crash_formula="file.ttl = 10 s after the last renewal; it is renewed every ttl / 3",
        crash_source="lbdisc, docs/file.md",
    ),
)
