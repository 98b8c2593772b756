"""How many servers HAProxy has file descriptors for. ``haproxy -c`` does not look at them.

A worker has one for each check, two for each of ``maxconn`` connections, and some for itself. Where
these are more than it may have, it ends at its start (``strict-limits``), and a reload fails. Read
from the source (``compute_ideal_maxconn``) and measured on 2.6 to 3.4 with two threads and
``ulimit -n 1500``: checks + 2 * maxconn + 23 to 45, 3 for each thread and 1 for each bind (as many
as threads with shards ``by-thread``). Without a global ``maxconn`` that is what the checks leave,
100 at least; so checks get half, and clients keep the other half.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from lbdisc.haproxy.around import Around
from lbdisc.haproxy.language.model import Configuration, Section
from lbdisc.haproxy.language.text import parse
from lbdisc.room import Room

OWN = 60  # the most seen, and some for logs, peers and name servers
LEAST_CONNECTIONS = 100  # DEFAULT_MAXCONN
MOST = 1024 * 1024  # what HAProxy 3.2 and newer takes at most unless it is told otherwise
_CHECKS = ("check", "agent-check")
_RAISES = 1 << 24  # CAP_SYS_RESOURCE, see capabilities(7)
_SERVER = re.compile(r"^[ \t]*server[ \t].*$", re.MULTILINE)
_OPEN_FILES = re.compile(r"^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)", re.MULTILINE)
_CAPABILITIES = re.compile(r"^CapEff:\s*([0-9a-f]+)", re.MULTILINE)


def allowed(pid: int = 0) -> int:
    """How many the process ``pid``, and what it starts, may have open; this one's for 0.

    The hard limit, or what the kernel has for who may raise that. ``MOST`` where none is known.
    """
    folder = Path("/proc") / (str(pid) if pid else "self")
    with suppress(OSError, ValueError):
        found = _CAPABILITIES.search((folder / "status").read_text())
        if found and int(found[1], 16) & _RAISES:
            return int(Path("/proc/sys/fs/nr_open").read_text())
        if (limit := _OPEN_FILES.search((folder / "limits").read_text())) and limit[2].isdecimal():
            return int(limit[2])
    return MOST


def without_servers(text: str) -> tuple[str, int]:
    """``text`` with its ``server`` lines left out, and how many there were."""
    return _SERVER.subn("", text)


def checks(model: Configuration) -> int:
    """How many descriptors the checks of all its servers take."""
    return sum(map(_of_proxy, model.proxies.values()))


def room(model: Configuration, servers: int, allowed: int) -> Room | None:
    """Whether ``servers`` descriptors for checks are there, with the globals of ``model``.

    ``None`` where HAProxy would not even start with none of them.
    """
    limit, what = min(_limits(model, allowed))
    threads = _number(model, "nbthread") or os.cpu_count() or 1
    left = limit - OWN - 3 * threads - len(model.binds)
    raising = f"raise {what}"
    if connections := _number(model, "maxconn"):
        left -= 2 * connections
        raising = f"{raising} or lower the global maxconn, which takes two each"
    else:
        left = min(left // 2, left - 2 * LEAST_CONNECTIONS)
    if left < 1:
        return None
    why = f"what {limit} file descriptors of HAProxy allow ({raising})"
    return Room(servers=servers, fits=left, why=why)


def room_in(around: Around, text: str, most: int, *, there: int = 0) -> Room | None:
    """That of ``text`` with what is ``around`` it, for a HAProxy that may have ``most`` open.

    The checks that are ``there`` have room: nobody goes for a number that is guessed. All is
    parsed only where room is short: each server has a check and an agent's at most.
    """
    head, servers = without_servers(around.whole(text))
    found = room(parse(head), len(_CHECKS) * servers, most)
    if found is None or found.servers <= found.fits:
        return found
    model = around.parse(text)
    found = room(model, checks(model), most)
    return found and replace(found, fits=max(found.fits, there))


def _limits(model: Configuration, allowed: int) -> Iterator[tuple[int, str]]:
    yield min(allowed, MOST), "LimitNOFILE or ulimit -n"
    for keyword in ("fd-hard-limit", "ulimit-n"):
        if number := _number(model, keyword):
            yield number, f"the global {keyword}"


def _number(model: Configuration, keyword: str) -> int:
    """What the global section says at last, 0 for nothing that can be told."""
    found = 0
    for line in model.globals(keyword):
        found = int(line.words[1]) if line.words[1:] and line.words[1].isdecimal() else 0
    return found


def _of_proxy(section: Section) -> int:
    """Most servers of a proxy are alike: those that differ are made by hand, and few."""
    servers = section.servers
    if not servers:
        return 0
    words = {word for server in (servers[0], servers[-1]) for word in server.options}
    words.update(word for line in servers[-1].defaults for word in line.words)
    return len(servers) * sum(1 for word in _CHECKS if word in words)
