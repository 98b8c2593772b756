"""What the registry lists, as everybody reads it: services, skipped entries, the other agents."""

import time
from collections.abc import Callable, Iterator
from difflib import get_close_matches

from lbdisc import fleet, handshake
from lbdisc.absent import absent_services
from lbdisc.examining import Diagnosis, fail, ok, warn
from lbdisc.settings.tables import CoreSettings
from lbdisc.times import ago
from lbdisc.values import Snapshot

NAMED = 5  # of the same kind; of more the count is told


def registered(core: CoreSettings, read: Callable[[], Snapshot]) -> Iterator[Diagnosis]:
    """Of what ``read`` returns, which takes the registry's state once."""
    began = time.monotonic()
    snapshot = read()
    took = 1000 * (time.monotonic() - began)
    public = snapshot.public
    yield ok(
        f"{len(public.endpoints)} endpoints of {len(public.services)} services in {took:.0f} ms"
    )
    yield from _services(core, snapshot)
    yield from _skipped(snapshot)
    yield from _agents(core, snapshot)


def _services(core: CoreSettings, snapshot: Snapshot) -> Iterator[Diagnosis]:
    near = {absent.service: str(absent) for absent in absent_services(snapshot, core.services)}
    listed = snapshot.public.services
    for name in core.services:
        if name in listed:
            found = snapshot.public.only((name,)).endpoints
            draining = sum(e.draining for e in found)
            more = f", {draining} of them draining" if draining else ""
            if draining == len(found):
                yield warn(f"service {name}: all {len(found)} drain", "see `lbdisc nodes`")
            else:
                yield ok(f"service {name}: {len(found)} endpoints{more}")
        elif name in near:
            close = get_close_matches(name, listed, n=1, cutoff=0.6)
            remedy = f'set services = ["{close[0]}"]' if close else "see the setting services"
            yield warn(near[name], remedy)
        else:
            remedy = f"register one: `lbdisc register --service {name} --port PORT`"
            yield warn(f"service {name} has no endpoint, nor has any other", remedy)


def _skipped(snapshot: Snapshot) -> Iterator[Diagnosis]:
    remedy = "mend or remove that entry; it is left out until then"
    for problem in snapshot.problems[:NAMED]:
        yield warn(f"skipped: {problem.where}: {problem.what}", remedy)
    if more := max(0, len(snapshot.problems) - NAMED) + snapshot.more:
        yield warn(f"skipped: {more} more", "see `lbdisc nodes`")


def _agents(core: CoreSettings, snapshot: Snapshot) -> Iterator[Diagnosis]:
    agents = handshake.agents(snapshot)
    if not agents:
        return
    differ = fleet.differences(agents, time.time())
    others = [agent.name for agent in agents if agent.name != core.agent.name]
    if not differ:
        names = ", ".join(others[:NAMED]) + (" …" if len(others) > NAMED else "")
        more = f", with {names}" if others else ""
        yield ok(f"{len(agents)} agents are announced{more}; all agree")
    for one in differ:
        made = fail if one.seconds >= fleet.LIMIT else warn
        since = f" for {ago(one.seconds)}" if one.seconds else ""
        what = "says nothing of itself" if one.parts == ("digest",) else f"differs in {one}"
        yield made(f"agent {one.agent} {what}{since}", "compare with `lbdisc nodes --agents`")
