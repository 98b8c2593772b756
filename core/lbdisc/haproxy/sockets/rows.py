"""Replies of HAProxy's sockets as typed rows; what is none of them raises ``HaproxyError``.

Lines end at ``\n`` alone, as HAProxy ends them, whatever else may end a line elsewhere.
"""

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from lbdisc.errors import shown
from lbdisc.haproxy.errors import HaproxyError
from lbdisc.haproxy.sockets.odd_rows import OddRows
from lbdisc.haproxy.versions import Version, read_version

Key = tuple[str, str]  # proxy and name
STATE_FORMAT = "1"
STATS_START = "# pxname,svname,"
# Bits of srv_admin_state (management manual, "show servers state").
FORCED_MAINT, INHERITED_MAINT, CONFIG_MAINT = 0x01, 0x02, 0x04
FORCED_DRAIN, INHERITED_DRAIN, RESOLUTION_MAINT = 0x08, 0x10, 0x20
# CONFIG_MAINT only tells where a maintenance came from; it stays when the server gets ready.
ANY_MAINT = FORCED_MAINT | INHERITED_MAINT | RESOLUTION_MAINT
ANY_DRAIN = FORCED_DRAIN | INHERITED_DRAIN
CHECK_CONFIGURED, CHECK_ENABLED = 0x02, 0x04


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """``show info``: one worker. ``uptime`` in seconds; ``fields`` holds all of it as text."""

    name: str
    version: Version
    release: str
    pid: int
    uptime: int
    node: str
    connections: int
    stopping: bool
    fields: Mapping[str, str] = field(repr=False)

    @classmethod
    def read(cls, reply: str) -> "Info":
        """Raises ``HaproxyError`` when ``reply`` does not begin with one; more may follow."""
        fields = _fields_of(part_info(reply)[0])
        try:
            return cls(
                name=fields["Name"],
                version=read_version(fields["Version"]),
                release=fields["Version"],
                pid=int(fields["Pid"]),
                uptime=int(fields["Uptime_sec"]),
                node=fields.get("node", ""),
                connections=int(fields["CurrConns"]),
                stopping=fields["Stopping"] != "0",
                fields=fields,
            )
        except (KeyError, ValueError) as error:
            raise HaproxyError(f"no 'show info': {error!r} in {shown(reply)}") from error


def part_info(reply: str) -> tuple[str, str]:
    """``show info`` at the start of ``reply``, and the answers behind it.

    Before 2.8 a description may have lines of its own, also empty ones; ``Stopping`` follows it.
    """
    described = reply.find("\ndescription: ")
    empty = reply.find("\n\n")
    if 0 <= described < empty:
        empty = reply.find("\n\n", max(reply.find("\nStopping: ", described), described))
    return (reply[:empty], reply[empty + 2 :]) if empty >= 0 else (reply, "")


def _fields_of(info: str) -> Mapping[str, str]:
    head, described, rest = info.partition("\ndescription: ")
    told, _, tail = rest.partition("\nStopping: ")
    lines = [*head.split("\n"), *(f"Stopping: {tail}".split("\n") if described else ())]
    pairs = (line.split(": ", 1) for line in lines if ": " in line)
    return {**({"description": told} if described else {}), **dict(pairs)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState:
    """One row of ``show servers state``: what a server is now.

    ``address`` is an IP or ``-``; ``admin`` and ``check`` are HAProxy's bit masks, ``operational``
    is 0 stopped, 1 starting, 2 running, 3 stopping; ``fqdn`` is the host name, and ``record`` the
    SRV record, that the address comes from; ``raw`` is the line itself.
    """

    proxy: str
    server: str
    id: int
    address: str
    port: int
    operational: int
    admin: int
    weight: int
    initial_weight: int
    check_result: int
    check: int
    agent: int
    forced_id: bool
    fqdn: str
    record: str
    ssl: bool
    raw: str = field(repr=False)

    @property
    def key(self) -> tuple[str, str]:
        return self.proxy, self.server

    @property
    def in_maintenance(self) -> bool:
        return bool(self.admin & ANY_MAINT)

    @property
    def draining(self) -> bool:
        return bool(self.admin & ANY_DRAIN)

    @property
    def checked(self) -> bool:
        """Whether health checks are configured and switched on."""
        return self.check & (CHECK_CONFIGURED | CHECK_ENABLED) == CHECK_CONFIGURED | CHECK_ENABLED


STATE_FIELDS = (
    *("be_id", "be_name", "srv_id", "srv_name", "srv_addr", "srv_op_state", "srv_admin_state"),
    *("srv_uweight", "srv_iweight", "srv_time_since_last_change", "srv_check_status"),
    *("srv_check_result", "srv_check_health", "srv_check_state", "srv_agent_state"),
    *("bk_f_forced_id", "srv_f_forced_id", "srv_fqdn", "srv_port", "srvrecord", "srv_use_ssl"),
)


def read_states(reply: str) -> tuple[ServerState, ...]:
    """The rows of ``show servers state``. Raises ``HaproxyError`` for another format.

    A row that cannot be read is left out, and said.
    """
    lines = reply.split("\n")
    header = tuple(lines[1].lstrip("# ").split()) if len(lines) > 1 else ()
    if lines[:1] != [STATE_FORMAT] or header[: len(STATE_FIELDS)] != STATE_FIELDS:
        raise HaproxyError(f"no 'show servers state' of format {STATE_FORMAT}: {shown(reply)}")
    with OddRows("show servers state") as odd:
        rows = (odd.or_none(_state, line) for line in lines[2:] if line and line[:1] != "#")
        return tuple(row for row in rows if row is not None)


def _state(line: str) -> ServerState:
    word = line.split(" ")
    return ServerState(
        proxy=word[1],
        server=word[3],
        id=int(word[2]),
        address=word[4],
        port=int(word[18]),
        operational=int(word[5]),
        admin=int(word[6]),
        weight=int(word[7]),
        initial_weight=int(word[8]),
        check_result=int(word[11]),
        check=int(word[13]),
        agent=int(word[14]),
        forced_id=word[16] != "0",
        fqdn=word[17],
        record=word[19] if word[19] != "-" else "",
        ssl=word[20] != "0",
        raw=line,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """One row of ``show stat``; ``kind`` is frontend, backend, server or listener."""

    proxy: str
    name: str
    kind: str
    status: str
    weight: int
    sessions: int
    queued: int
    total_sessions: int
    cookie: str
    check_status: str
    last_check: str
    fields: Mapping[str, str] = field(repr=False)


_KINDS = {"0": "frontend", "1": "backend", "2": "server", "3": "listener"}


def read_stats(reply: str, *, only: Collection[Key] | None = None) -> tuple[Stat, ...]:
    """The rows of ``show stat``, also of several one behind the other.

    With ``only`` those of these proxies and names: of ten thousand, the others are not read. A row
    that cannot be read is left out, and said. Raises ``HaproxyError`` when it is no such table.
    """
    if not reply.startswith(STATS_START):
        raise HaproxyError(f"no 'show stat': {shown(reply)}")
    head = reply[2:].partition("\n")[0]
    names = head.split(",")
    starts = None if only is None else {f"{proxy},{name}" for proxy, name in only}
    wanted = (
        record
        for record in records(reply)
        if record[:1] != "#" and (starts is None or ",".join(record.split(",", 2)[:2]) in starts)
    )
    with OddRows("show stat") as odd:
        rows = (odd.or_none(partial(_stat, names), record) for record in wanted)
        return tuple(row for row in rows if row is not None)


def records(table: str) -> Iterator[str]:
    """The rows of a table of HAProxy's, as they are.

    Only ``\n`` ends one, and not within quotes: before 2.8 what a node answered to a check may have
    lines. HAProxy writes a quote in a value twice (management manual 9.1).
    """
    lines = table.split("\n")
    at = 0
    while at < len(lines):
        end = at + 1
        odd = lines[at].count('"') % 2
        while odd and end < len(lines):
            odd ^= lines[end].count('"') % 2
            end += 1
        if odd:  # not HAProxy's way: it must not take the rows behind it along
            end = at + 1
        if record := "\n".join(lines[at:end]):
            yield record
        at = end


def _stat(names: Sequence[str], record: str) -> Stat:
    [values] = csv.reader([record])
    fields = dict(zip(names, values, strict=True))
    return Stat(
        proxy=fields["pxname"],
        name=fields["svname"],
        kind=_KINDS[fields["type"]],
        status=fields["status"],
        weight=int(fields["weight"] or 0),
        sessions=int(fields["scur"] or 0),
        queued=int(fields["qcur"] or 0),
        total_sessions=int(fields["stot"] or 0),
        cookie=fields.get("cookie") or "",
        check_status=fields["check_status"],
        last_check=fields.get("last_chk") or "",
        fields=fields,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConnections:
    """One row of ``show servers conn``: connections a server uses now, and keeps idle."""

    proxy: str
    server: str
    used: int
    idle: int


def read_connections(reply: str) -> tuple[ServerConnections, ...]:
    """The rows of ``show servers conn``. A row whose address is unresolved has no idle count."""
    header, *lines = [line for line in reply.split("\n") if line] or [""]
    names = header.lstrip("# ").split()
    if not header.startswith("# bkname/svname"):
        raise HaproxyError(f"no 'show servers conn': {shown(reply)}")
    with OddRows("show servers conn") as odd:
        rows = (odd.or_none(partial(_connections, names), line) for line in lines)
        return tuple(row for row in rows if row is not None)


def _connections(names: Sequence[str], line: str) -> ServerConnections:
    words = line.split(" ")
    proxy, _, server = words[0].partition("/")
    counts = dict(zip(names, words, strict=False))
    return ServerConnections(
        proxy=proxy,
        server=server,
        used=int(counts.get("used_cur", 0)),
        idle=int(counts.get("idle_cur", 0)),
    )
