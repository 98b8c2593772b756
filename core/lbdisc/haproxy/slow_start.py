"""Servers in their slow start (manual 5.2, "slowstart").

A reload begins it anew: HAProxy takes the time from the server-state file, and sets it to now when
it then changes the state (`srv_update_status`, measured on 2.6.12).
"""

from lbdisc.haproxy.language.model import Configuration
from lbdisc.haproxy.sockets.rows import Stat


def has_slow_start(configuration: Configuration) -> bool:
    """Whether any server may have one."""
    return any(
        "slowstart" in words
        for section in configuration.proxies.values()
        for server in section.servers
        for words in (server.options, *(default.words for default in server.defaults))
    )


def is_warming_up(row: Stat) -> bool:
    """Whether HAProxy sends the server of this row less than its share for now."""
    throttle = row.fields.get("throttle", "")
    return row.kind == "server" and throttle not in ("", "100")
