"""Where the runtime socket of a worker is met, and whether it is met at all.

The configuration's text tells most addresses. What variables stand for only HAProxy knows: the
worker is asked through the master. A worker that cannot be met serves all the same: it is changed
by reloads, and one line says what to write.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import structlog

from lbdisc.haproxy.errors import Forbidden, HaproxyError
from lbdisc.haproxy.language.addresses import why_not
from lbdisc.haproxy.language.text import Configuration
from lbdisc.haproxy.sockets.master import Master
from lbdisc.haproxy.sockets.rows import ServerState
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.haproxy.versions import OLDEST, Features

log = structlog.get_logger("lbdisc.haproxy")
ANSWER_LIMIT = 5.0  # seconds for a new worker's runtime socket
RIGHT = "stats socket /run/lbdisc/haproxy.sock mode 600 level admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """``socket`` takes orders for the worker, which then had ``states``; ``""`` for none."""

    socket: str = ""
    states: tuple[ServerState, ...] = ()
    features: Features = OLDEST


def reach(pid: int, model: Configuration, master: Master, *, ours: bool) -> Reached:
    """The first ``stats socket`` of level admin at which the worker ``pid`` answers, if any.

    Raises ``Forbidden`` where this user may not open one of a HAProxy that is not ``ours``: its
    supervisor can let us in.
    """
    why = ""
    for address in _addresses(pid, model, master):
        try:
            return _met(pid, address)
        except HaproxyError as error:
            if isinstance(error, Forbidden) and not ours:
                raise
            why = why or str(error)
    if why := why or why_none(model):
        log.warning(f"each change is a reload: {why}; write '{RIGHT}'")
    return Reached()


def _met(pid: int, address: str) -> Reached:
    with Runtime(address, timeout=ANSWER_LIMIT, worker=pid) as runtime:
        _, states = runtime.observe(pid=pid)
        return Reached(socket=address, states=states, features=runtime.features())


def _addresses(pid: int, model: Configuration, master: Master) -> Iterator[str]:
    known = model.runtime_sockets
    yield from known
    if any("$" in its.address or "$" in its.level for its in model.stats_sockets):
        plain = {*known, *(its.address for its in model.stats_sockets if its.closed)}
        with suppress(HaproxyError):
            told = [its for its, level in master.sockets(pid) if level == "admin"]
            yield from (its for its in told if its not in plain and not why_not(its))


def why_none(model: Configuration) -> str:
    """Why no ``stats socket`` of ``model`` takes orders, as far as its text tells, or ``""``."""
    might = [its for its in model.stats_sockets if its.level == "admin" or "$" in its.level]
    closed = [its for its in might if its.closed]
    if model.runtime_socket or not closed:
        return ""
    return f"'stats socket {closed[0].address}' cannot be dialled: {closed[0].closed}"
