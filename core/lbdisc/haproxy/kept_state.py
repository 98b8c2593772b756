"""Which lines of ``show servers state`` a new worker may load, and with which weight. Pure.

HAProxy restores more than health from them: the address of a name, the port, the weight and the
administrative state as they were, over what the file says now. What the worker found out (its
checks, a resolver, an agent) is kept. What is the file's to say, and what somebody typed, is not.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from lbdisc.haproxy.language.text import Configuration, ServerLine
from lbdisc.haproxy.planning.servers import Spec, Unfit, canonical_ip, endpoint, fold
from lbdisc.haproxy.planning.templated import with_templated
from lbdisc.haproxy.sockets.rows import (
    CHECK_CONFIGURED,
    CHECK_ENABLED,
    FORCED_DRAIN,
    FORCED_MAINT,
    RESOLUTION_MAINT,
    STATE_FIELDS,
    STATE_FORMAT,
    ServerState,
    read_states,
)
from lbdisc.haproxy.versions import MAX_WEIGHT

Key = tuple[str, str]
Servers = Mapping[Key, ServerLine]
_AT = {name: at for at, name in enumerate(STATE_FIELDS)}
# What follows: srv_check_port, srv_check_addr, srv_agent_addr, srv_agent_port.
_CHECKED_AT = slice(len(STATE_FIELDS), len(STATE_FIELDS) + 4)
_AS_THE_FILE_SAYS = ("0", "-", "-", "0")
BY_HAND_OR_AGENT = FORCED_MAINT | FORCED_DRAIN
# Who says whether a server is up; what one of them knew is nothing to another.
JUDGES = ("check", "agent-check", "track")


def kept_state(
    dump: str,
    running: Configuration,
    candidate: Configuration,
    proxies: Collection[str] | None = None,
    *,
    only: Collection[Key] | None = None,
) -> str:
    """The part of ``dump`` that a worker started on ``candidate`` may load, of ``proxies`` or all.

    ``only`` are proxy and name of the servers to look at, all by default.

    Left out are servers that ``candidate`` does not have or has elsewhere, that ``running`` did not
    have (an earlier server of the name waits in maintenance), and those set aside by hand. Where
    checks go to is the file's to say. Raises ``HaproxyError`` when ``dump`` is not of the known
    format.
    """
    header = "\n".join(dump.split("\n", 2)[:2])
    before, after = with_templated(running), with_templated(candidate)
    lines = [
        line
        for row in read_states(dump)
        if (proxies is None or row.proxy in proxies) and (only is None or row.key in only)
        if (line := _kept(row, before, after)) is not None
    ]
    return "\n".join((header or STATE_FORMAT, *lines, ""))


def _kept(row: ServerState, before: Servers, after: Servers) -> str | None:
    """``row`` as it may come back, ``None`` where it may not."""
    old, new = before.get(row.key), after.get(row.key)
    if old is None or new is None or not (_is_same_place(old, new) and _is_at(row, new)):
        return None
    if row.admin & RESOLUTION_MAINT:
        return None  # nothing is known of it
    known = _Known.of(old, new)
    if known is None or (row.admin & BY_HAND_OR_AGENT and not known.agent):
        return None
    weight, initial = known.weight(row)
    return _with(row, srv_uweight=weight, srv_iweight=initial, **_checks_on(row))


@dataclass(frozen=True, slots=True)
class _Known:
    """What both files say of a server; nothing where they are the same and not understood."""

    old: Spec | None = None
    new: Spec | None = None
    agent: bool = False

    @classmethod
    def of(cls, before: ServerLine, after: ServerLine) -> "_Known | None":
        """``None`` where what the worker knows is no use to the next."""
        try:
            new = fold(after)
            old = new if before == after else fold(before)
        except Unfit:
            if before != after:
                return None
            words = (*after.options, *(word for line in after.defaults for word in line.words))
            return cls(agent="agent-check" in words)
        if old.disabled or new.disabled or any(old.has(its) != new.has(its) for its in JUDGES):
            return None
        return cls(old, new, agent="agent-check" in new.options)

    def weight(self, row: ServerState) -> tuple[int, int]:
        """The weight now and that of the file: one that an agent or DNS gave goes along."""
        if self.old is None or self.new is None:
            return row.weight, row.initial_weight if self.agent or row.record else row.weight
        initial = self.new.weight
        if row.record:  # the SRV record has it
            return row.weight, initial
        if not self.agent or not self.old.weight:
            return initial, initial
        scaled = round(row.weight * initial / self.old.weight)  # an agent tells a percentage
        return min(scaled, MAX_WEIGHT), initial


def _is_same_place(old: ServerLine, new: ServerLine) -> bool:
    return endpoint(old.address) == endpoint(new.address)


def _is_at(row: ServerState, server: ServerLine) -> bool:
    """Whether the worker has the server where the file has it.

    A host name may be anywhere, and so may a port that a request or DNS says; but a name that was
    typed at the socket is not the file's.
    """
    host, port = endpoint(server.address)
    if port and row.port != port:
        return False
    if canonical_ip(host):
        return canonical_ip(row.address) == host
    return row.fqdn in ("-", host) or host.startswith("_")


def _checks_on(row: ServerState) -> dict[str, int]:
    """``disable health`` and ``disable agent`` are typed, and do not come back."""
    found = {"srv_check_state": row.check, "srv_agent_state": row.agent}
    return {n: bits | CHECK_ENABLED for n, bits in found.items() if bits & CHECK_CONFIGURED}


def _with(row: ServerState, **fields: int) -> str:
    """The line with these fields, and without the places that checks went to.

    HAProxy writes ``check port`` as the port of an agent too, and warns when it reads that of a
    server without one.
    """
    words = row.raw.split(" ")
    words[_CHECKED_AT] = _AS_THE_FILE_SAYS[: len(words[_CHECKED_AT])]
    for name, value in fields.items():
        words[_AT[name]] = str(value)
    return " ".join(words)
