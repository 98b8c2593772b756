"""Replies of HAProxy's sockets as typed rows. Pure; what cannot be read raises ``HaproxyError``."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field

from lbdisc.errors import shown
from lbdisc.haproxy.errors import HaproxyError
from lbdisc.haproxy.versions import Version, read_version

STATE_FORMAT = "1"
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
        fields = dict(line.split(": ", 1) for line in reply.splitlines() if ": " in line)
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
    """The rows of ``show servers state``. Raises ``HaproxyError`` for another format."""
    lines = reply.splitlines()
    header = tuple(lines[1].lstrip("# ").split()) if len(lines) > 1 else ()
    if lines[:1] != [STATE_FORMAT] or header[: len(STATE_FIELDS)] != STATE_FIELDS:
        raise HaproxyError(f"no 'show servers state' of format {STATE_FORMAT}: {shown(reply)}")
    try:
        return tuple(_state(line) for line in lines[2:] if line and not line.startswith("#"))
    except (IndexError, ValueError) as error:
        raise HaproxyError(f"odd line in 'show servers state': {error}") from error


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


def read_stats(reply: str) -> tuple[Stat, ...]:
    """The rows of ``show stat``. Raises ``HaproxyError`` when it is no such table."""
    if not reply.startswith("# pxname,svname,"):
        raise HaproxyError(f"no 'show stat': {shown(reply)}")
    # A node's answer to a check is in it, with whatever else ends a line for `splitlines`.
    lines = [line for line in reply[2:].split("\n") if line]
    return tuple(_stat(fields) for fields in csv.DictReader(lines))


def _stat(fields: Mapping[str, str]) -> Stat:
    try:
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
    except (KeyError, ValueError) as error:
        raise HaproxyError(f"odd line in 'show stat': {error!r}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConnections:
    """One row of ``show servers conn``: connections a server uses now, and keeps idle."""

    proxy: str
    server: str
    used: int
    idle: int


def read_connections(reply: str) -> tuple[ServerConnections, ...]:
    """The rows of ``show servers conn``. A row whose address is unresolved has no idle count."""
    header, *lines = [line for line in reply.splitlines() if line] or [""]
    names = header.lstrip("# ").split()
    if not header.startswith("# bkname/svname"):
        raise HaproxyError(f"no 'show servers conn': {shown(reply)}")
    rows = []
    for line in lines:
        words = line.split(" ")
        proxy, _, server = words[0].partition("/")
        counts = dict(zip(names, words, strict=False))
        rows.append(
            ServerConnections(
                proxy=proxy,
                server=server,
                used=int(counts.get("used_cur", 0)),
                idle=int(counts.get("idle_cur", 0)),
            )
        )
    return tuple(rows)
