"""HAProxy's own statistics, over its socket or its stats page: what it says about each server."""

import csv
import io
import socket
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lbdisc.errors import LbdiscError

TIMEOUT = 5.0  # seconds
_WHOLE_PROXY = ("FRONTEND", "BACKEND")


class StatsError(LbdiscError):
    """The statistics cannot be had, or are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the statistics. ``server`` is ``FRONTEND`` or ``BACKEND`` for a proxy as a whole.

    ``status`` is HAProxy's word (``UP``, ``UP 1/2``, ``DOWN``, ``MAINT``, ``DRAIN``, ``no check``,
    ``OPEN``), ``sessions`` the requests it was given since HAProxy started.
    """

    proxy: str
    server: str
    status: str
    sessions: int
    address: str = ""

    @property
    def is_server(self) -> bool:
        return self.server not in _WHOLE_PROXY

    @property
    def up(self) -> bool:
        """Whether its checks let it have traffic."""
        return self.status.startswith("UP")


def read(source: Path | str) -> list[Row]:
    """The rows of the Unix socket ``source``, or of the stats page at the URL ``source``.

    Raises ``StatsError``.
    """
    return from_socket(source) if isinstance(source, Path) else from_page(source)


def from_socket(path: Path) -> list[Row]:
    """The rows of ``show stat`` on HAProxy's Unix socket. Raises ``StatsError``."""
    return parse(command(path, "show stat"))


def command(path: Path, text: str, *, timeout: float = TIMEOUT) -> str:
    """HAProxy's answer to one command on its Unix socket.

    Raises ``StatsError``, also when it is silent for ``timeout`` seconds.
    """
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            connection.connect(str(path))
            connection.sendall(f"{text}\n".encode())
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
    except OSError as error:
        raise StatsError(f"no answer from HAProxy at {path}: {error}") from error
    return answer.decode("utf-8", errors="replace")


def version(path: Path) -> str:
    """The version of the HAProxy behind the socket, such as ``2.6.12``. Raises ``StatsError``."""
    for line in command(path, "show info").splitlines():
        name, _, value = line.partition(": ")
        if name == "Version":
            return value.partition("-")[0]
    raise StatsError(f"HAProxy at {path} tells no version")


def from_page(url: str) -> list[Row]:
    """The rows of the stats page at ``url`` (``;csv`` may be left out). Raises ``StatsError``."""
    address = url if url.endswith(";csv") else f"{url};csv"
    if not address.startswith(("http://", "https://")):
        raise StatsError(f"{url!r} is no stats page: an http:// address is needed")
    # No proxy of the environment: the page is this machine's, or the operator's own.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=TIMEOUT) as answer:
            text = answer.read().decode("utf-8", errors="replace")
    except (OSError, ValueError) as error:
        raise StatsError(f"no statistics at {address}: {error}") from error
    return parse(text)


def parse(text: str) -> list[Row]:
    """The rows of HAProxy's CSV. Raises ``StatsError`` for anything else."""
    if not text.startswith("# pxname,"):
        first = text.strip().splitlines()[0][:80] if text.strip() else "nothing"
        raise StatsError(f"these are no statistics of HAProxy: {first!r}")
    lines = csv.DictReader(io.StringIO(text.removeprefix("# ")))
    try:
        return [_row(line) for line in lines]
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise StatsError(f"statistics of an unknown form: {error!r}") from error


def _row(line: dict[str, str | None]) -> Row:
    proxy, server, status = line["pxname"], line["svname"], line["status"]
    sessions = line["stot"]
    if proxy is None or server is None or status is None or sessions is None:
        raise ValueError("a line is cut short")
    return Row(
        proxy=proxy,
        server=server,
        status=status,
        sessions=int(sessions or 0),
        address=line.get("addr") or "",
    )


def servers(rows: Iterable[Row], proxy: str) -> dict[str, Row]:
    """The servers of ``proxy``, by name."""
    return {row.server: row for row in rows if row.proxy == proxy and row.is_server}
