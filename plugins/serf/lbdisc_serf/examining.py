"""The local agent of Serf and those that it is to join, looked at for `lbdisc doctor`."""

import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial

from lbdisc.errors import SettingsError
from lbdisc.examining import Diagnosis, Examination, fail, ok, warn
from lbdisc_serf.connecting import connect
from lbdisc_serf.members import Member
from lbdisc_serf.settings import GOSSIP_PORT, SerfSettings, joined, split
from lbdisc_serf.wire import RpcError

PATIENCE = 2.0  # seconds for one answer
NAMED = 5


def examinations(settings: SerfSettings, own: Sequence[tuple[str, str]]) -> tuple[Examination, ...]:
    """One of the local agent, which may write whatever ``own`` is, and one of each to join."""
    asked = [Examination(settings.rpc, partial(_local, settings, own))]
    asked += [Examination(text, partial(_other, text)) for text in settings.join]
    return tuple(asked)


def _local(settings: SerfSettings, own: Sequence[tuple[str, str]]) -> Iterator[Diagnosis]:
    began = time.monotonic()
    try:
        with connect(settings, timeout=PATIENCE) as client:
            name, members = client.name, client.members()
    except SettingsError as error:
        yield fail(str(error), "set serf.rpc_key to the agent's rpc_auth")
        return
    except RpcError as error:
        if settings.managed:
            yield warn(f"{error}; lbdisc starts it", "start `lbdisc run` or `lbdisc register`")
        else:
            yield fail(str(error), f"start it: serf agent -rpc-addr={settings.rpc}; see serf.rpc")
        return
    ms = 1000 * (time.monotonic() - began)
    yield ok(f"member {name} answers in {ms:.0f} ms; who may ask it may set its tags")
    yield from _members(members)
    yield ok("clocks are not compared: no member tells its own; nothing here depends on them")
    for service, entry in own:
        if entry != name and not service.startswith("_") and not settings.managed:
            yield warn(
                f"{service}/{entry} is to be registered, and the member is {name}",
                f"set register.name = {name!r}, or rename the member (serf agent -node)",
            )


def _members(members: Sequence[Member]) -> Iterator[Diagnosis]:
    counts = Counter(member.status for member in members)
    yield ok(", ".join(f"{count} {status}" for status, count in sorted(counts.items())))
    if failed := [member.name for member in members if member.status == "failed"]:
        more = f" and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
        yield warn(
            f"failed: {', '.join(failed[:NAMED])}{more}",
            "see whether they run; `serf force-leave NAME` lets go of one that is gone for good",
        )
    if len(members) == 1:
        yield warn("it knows no other member", "serf join ADDRESS, or set serf.join")


def _other(text: str) -> Iterator[Diagnosis]:
    """Gossip is UDP and TCP at one port; that TCP is open is what can be seen."""
    address = split(text, "serf.join", port=GOSSIP_PORT)
    began = time.monotonic()
    with suppress(OSError), socket.create_connection(address, timeout=PATIENCE):
        yield ok(
            f"{joined(address)} takes connections in {1000 * (time.monotonic() - began):.0f} ms"
        )
        return
    yield fail(f"{joined(address)} takes no connection", "see that it runs, and the firewall")
