"""What a HAProxy would send requests to, as it says itself on its runtime socket."""

import csv
import io
from pathlib import Path

from lbdisc_compare.contenders.contender import ServerState
from lbdisc_lab import stats

QUICKLY = 0.5  # seconds; a frozen HAProxy is told from a slow one by that
SERVERS = 4  # the type of servers in "show stat IID TYPE SID" (management guide, "show stat")


def servers_of(socket: Path, proxy: str) -> dict[str, ServerState]:
    """The servers of ``proxy`` by name; those in maintenance are not served and left out.

    One short command over a connection of its own. Raises ``LbdiscError`` when HAProxy does not
    answer within half a second.
    """
    return read_servers(stats.command(socket, f"show stat {proxy} {SERVERS} -1", timeout=QUICKLY))


def read_servers(text: str) -> dict[str, ServerState]:
    """The servers of a ``show stat``. Raises ``LbdiscError`` if it is none."""
    if not text.startswith("# pxname,svname,"):
        raise stats.StatsError(f"these are no statistics of HAProxy: {text.strip()[:80]!r}")
    rows = csv.reader(io.StringIO(text))
    head = next(rows)
    status, weight = head.index("status"), head.index("weight")
    whole = (row for row in rows if len(row) > max(status, weight))
    states = ((row[1], _state(row[status], row[weight])) for row in whole)
    return {name: state for name, state in states if state is not None}


def _state(status: str, weight: str) -> ServerState | None:
    """Of HAProxy's word: ``UP``, ``UP 1/3``, ``DOWN``, ``NOLB``, ``MAINT``, ``DRAIN``, …"""
    if status.startswith(("UP", "no check")):
        return "draining" if weight == "0" else "up"
    if status.startswith(("DRAIN", "NOLB")):
        return "draining"
    return None if status.startswith("MAINT") else "down"
