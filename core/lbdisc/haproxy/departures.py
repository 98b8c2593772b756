"""Servers that wait at weight 0 for their last session."""

from collections.abc import Iterable

from lbdisc.haproxy.planning.plan import Key
from lbdisc.haproxy.sockets.socket import Runtime


def leave_over(runtime: Runtime, leaving: Iterable[Key]) -> list[Key]:
    """Those of ``leaving`` that have no session left, and none that waits for one.

    None comes any more: their proxies have no persistence, or it would have been a reload.
    """
    wanted = set(leaving)
    rows = [row for proxy in sorted({p for p, _ in wanted}) for row in runtime.stats(proxy)]
    return [
        (row.proxy, row.name)
        for row in rows
        if (row.proxy, row.name) in wanted and not row.sessions and not row.queued
    ]
