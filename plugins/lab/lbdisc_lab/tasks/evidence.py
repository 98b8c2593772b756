"""What a step leaves behind: files in a folder of its own, and the values that the report shows."""

import itertools
import json
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lbdisc.errors import LbdiscError
from lbdisc_lab.containers.site import Site
from lbdisc_lab.tasks import screenshot
from lbdisc_lab.tasks.screenshot import ScreenshotError

# Where the engine keeps things on its disk: of no interest, and other on every machine.
_ENGINE_S_OWN = (
    "ResolvConfPath",
    "HostnamePath",
    "HostsPath",
    "LogPath",
    "GraphDriver",
    "SandboxKey",
    "MaskedPaths",
    "ReadonlyPaths",
)
_PICTURE_HEAD, _PICTURE_ROW = 470, 16  # pixels of the statistics page: without, and for a server


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedServer:
    """A server as HAProxy's statistics have it; ``host`` is what the node calls itself."""

    name: str
    host: str
    address: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was seen at a step's end. Paths are relative to the report's folder.

    ``told`` is what the balancer's log said during the step; ``flaw`` says what is missing that
    should not be, empty if all is there.
    """

    config: str = ""
    nodes: str = ""
    folder: str = ""
    table: str = ""
    told: str = ""
    servers: tuple[ListedServer, ...] = ()
    picture: str = ""
    flaw: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


class Gatherer:
    """Writes what a site shows into ``root/steps/NAME``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def gather(self, site: Site, name: str, *, since: str) -> Evidence:
        """What ``site`` shows now; what cannot be had says why in its place.

        ``since`` is the Unix time of the step's begin. Raises ``OSError``.
        """
        into = _Folder(self._root, f"steps/{name}")
        table = _tried(site.engine.table)
        into.write("docker-ps.txt", table)
        for alias, container in site.containers.items():
            into.write(f"inspect/{alias}.json", _tried(lambda c=container: _tidy(c.inspect())))
            into.write(f"logs/{alias}.log", quiet(_tried(lambda c=container: c.logs(since=since))))
        if not site.has_balancer:
            return Evidence(table=table, files=into.files)
        config, nodes = _tried(site.config), _tried(site.known)
        folder = _tried(site.folder) if site.backend.volume else ""
        into.write("haproxy.cfg", config)
        into.write("nodes.txt", nodes)
        into.write("folder.txt", folder)
        servers = _servers(site)
        picture, flaw = into.picture(f"{site.stats_page};norefresh", len(servers))
        return Evidence(
            config=config,
            nodes=nodes,
            folder=folder,
            table=table,
            told=quiet(_tried(lambda: site.balancer.logs(since=since))),
            servers=servers,
            picture=picture,
            flaw=flaw,
            files=into.files,
        )


class _Folder:
    """Files of one step, and what they are called in the report."""

    def __init__(self, root: Path, name: str) -> None:
        self._root = root
        self._name = name
        self.files: dict[str, str] = {}

    def write(self, name: str, text: str) -> None:
        """Write a file; nothing for an empty text."""
        if not text:
            return
        path = self._path(name)
        path.write_text(text.rstrip() + "\n", encoding="utf-8")
        self.files[name] = f"{self._name}/{name}"

    def _path(self, name: str) -> Path:
        path = self._root / self._name / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def picture(self, url: str, servers: int) -> tuple[str, str]:
        """A picture of the statistics page; where it is, or nowhere and why there is none."""
        path = self._path("stats.png")
        try:
            screenshot.take(url, path, height=_PICTURE_HEAD + _PICTURE_ROW * servers)
        except ScreenshotError as error:
            return "", str(error)
        shrink(path)
        return f"{self._name}/stats.png", ""


def _tried(read: Any) -> str:
    try:
        return str(read())
    except LbdiscError as error:
        return f"({error})"


def _servers(site: Site) -> tuple[ListedServer, ...]:
    return tuple(
        ListedServer(
            name=name,
            host=site.nodes[name].host if name in site.nodes else name,
            address=row.address,
            status=row.status,
        )
        for name, row in sorted((site.servers() or {}).items())
    )


def _tidy(found: dict[str, Any]) -> str:
    """``docker inspect`` without what is empty or unset, and what the engine keeps on its disk."""
    for mount in found.get("Mounts", ()):
        mount.pop("Source", None)
    for part in ("HostConfig", "NetworkSettings"):  # a limit of 0 is none
        found[part] = {key: value for key, value in found.get(part, {}).items() if value}
    return json.dumps(_filled(found), indent=1)


def _filled(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _filled(v) for key, v in value.items() if key not in _ENGINE_S_OWN}
        return {key: v for key, v in kept.items() if v not in (None, "", [], {})}
    return [_filled(item) for item in value] if isinstance(value, list) else value


def quiet(log: str) -> str:
    """``log`` with each run of request lines as one line that counts them."""
    lines: list[str] = []
    for requests, run in itertools.groupby(log.splitlines(), key=_is_request):
        found = list(run)
        lines += [f"({len(found)} lines of requests)"] if requests else found
    return "\n".join(lines)


def _is_request(line: str) -> bool:
    return line.endswith((' HTTP/1.1"', ' HTTP/1.0"'))


def shrink(picture: Path) -> None:
    """Make a PNG much smaller with a palette of its own, where ``pngquant`` is there.

    Without dithering, and with colours enough that each state keeps the one of the page's legend.
    """
    with suppress(OSError):
        subprocess.run(
            ["pngquant", "--force", "--nofs", "--ext", ".png", "128", str(picture)],
            check=False,
            capture_output=True,
            timeout=screenshot.LIMIT,
        )
