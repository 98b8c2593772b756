"""Whether the servers that a worker has are those of the file."""

from collections.abc import Container, Iterable

from lbdisc.haproxy.language.text import Configuration, ServerLine
from lbdisc.haproxy.planning.servers import Spec, Unfit, canonical_ip, endpoint, fold
from lbdisc.haproxy.sockets.rows import ANY_MAINT, FORCED_DRAIN, RESOLUTION_MAINT, ServerState


def differences(
    candidate: Configuration,
    states: Iterable[ServerState],
    *,
    only: Iterable[tuple[str, str]] | None = None,
    leaving: Container[tuple[str, str]] = (),
) -> tuple[tuple[str, str], ...]:
    """What the servers of a worker have that ``candidate`` has not, or the other way round.

    Pairs of ``proxy/server`` and what differs, sorted. A server that waits in maintenance and is
    not in ``candidate`` counts as gone, as does one at weight 0 that is ``leaving``. Health does
    not count. ``only`` are the proxy and name of those to look at, all by default.
    """
    found: list[tuple[str, str]] = []
    rows = {row.key: row for row in states}
    for key in candidate.servers if only is None else only:
        server = candidate.servers.get(key)
        if server is None:
            continue
        row = rows.pop(key, None)
        if what := _difference(server, row):
            found.append((f"{key[0]}/{key[1]}", what))
    for row in rows.values():
        gone = row.in_maintenance or (row.key in leaving and not row.weight)
        if not gone and not _is_slot(candidate, row):
            found.append((f"{row.proxy}/{row.server}", "serves, but is not in the file"))
    return tuple(sorted(found))


def _is_slot(candidate: Configuration, row: ServerState) -> bool:
    """Whether a template made it; what it is for is HAProxy's affair, or another tool's."""
    proxy = candidate.proxies.get(row.proxy)
    return proxy is not None and (proxy.slots is None or row.server in proxy.slots)


def _difference(server: ServerLine, row: ServerState | None) -> str:
    if row is None:
        return "is missing"
    if _is_elsewhere(row, server):
        return f"is at {row.address}:{row.port} instead of {server.address}"
    try:
        spec = fold(server)
    except Unfit:
        return ""  # not understood, so nothing can be said about the rest
    return _state_difference(spec, row)


def _state_difference(spec: Spec, row: ServerState) -> str:
    inherits = spec.has("track", "agent-check")
    if row.weight != spec.weight and not spec.has("agent-check"):
        return f"has weight {row.weight} instead of {spec.weight}"
    # A host name that does not resolve (yet) is HAProxy's affair, not a difference.
    waits = bool(row.admin & (ANY_MAINT if spec.is_ip else ANY_MAINT & ~RESOLUTION_MAINT))
    if waits != spec.disabled and not inherits:
        return "is in maintenance" if waits else "is not in maintenance"
    if row.draining and not inherits and row.admin & FORCED_DRAIN:
        return "drains"
    if spec.checked != row.checked and not inherits and not spec.disabled:
        return "is checked" if row.checked else "is not checked"
    return ""


def _is_elsewhere(row: ServerState, server: ServerLine) -> bool:
    """A host name, or a port that the file leaves to a request or to DNS, may be any."""
    host, port = endpoint(server.address)
    moved = bool(canonical_ip(host)) and canonical_ip(row.address) != host
    return moved or (port != 0 and row.port != port)
