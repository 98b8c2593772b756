"""The clock of ZooKeeper's leader, from the agents' nodes; nothing is written.

The leader dates each change by its own clock (``mtime``). A node is written before it is read: that
says how far ahead that clock is at least; our agent's is written after the moment from which it
says, by this machine's clock, that all is as it is, which says how far it is at the most. Followers
tell no time.
"""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

from lbdisc import records
from lbdisc.errors import EntryError, LbdiscError
from lbdisc.examining import Diagnosis, ok
from lbdisc.handshake import AGENTS, Announcement
from lbdisc.raw import content
from lbdisc.skew import Skew, compared
from lbdisc_zookeeper.client import ZooKeeperClient
from lbdisc_zookeeper.signals import Content, Gone, Overlarge

MOST = 50  # agents that are looked at
# Sessions are ended by time that passes (server/SessionTrackerImpl.java, currentElapsedTime).
TOUCHES = "sessions do not depend on it, certificates and what logs say do"
_WRITES = "`lbdisc doctor --write` compares it"


def clock_of_leader(
    client: ZooKeeperClient, root: str, own: Sequence[tuple[str, str]]
) -> Iterator[Diagnosis]:
    """How it stands to ours, as far as agents' nodes tell; ``own`` are this machine's entries."""
    try:
        skew = _skew(client, root, own)
    except (LbdiscError, Overlarge) as error:
        yield ok(f"the leader's clock is not compared: {error}; {TOUCHES}")
        return
    if not math.isfinite(skew.least):
        yield ok(f"the leader's clock is not compared: no agent is announced; {_WRITES}; {TOUCHES}")
    elif not skew.is_possible:
        yield ok(f"the leader's clock is not compared: a clock was set; {_WRITES}; {TOUCHES}")
    elif math.isfinite(skew.most) or skew.certain:
        yield compared(skew, "the leader's clock, by agents' nodes,", touches=TOUCHES)
    else:
        yield ok(
            f"the leader's clock is at most {-skew.least:.1f} s behind this machine's, by agents'"
            f" nodes, or ahead; {_WRITES}; {TOUCHES}"
        )


def _skew(client: ZooKeeperClient, root: str, own: Sequence[tuple[str, str]]) -> Skew:
    """Raises ``LbdiscError``."""
    names: list[str] = []
    with suppress(Gone):
        names = client.children(f"{root}/{AGENTS}")
    least, most = -math.inf, math.inf
    for name in sorted(names, key=lambda name: ((AGENTS, name) not in own, name))[:MOST]:
        if (node := client.read(f"{root}/{AGENTS}/{name}")) is None:
            continue
        least = max(least, node.written_s - time.time())
        if (AGENTS, name) in own and (since := _since(node, name)) is not None:
            most = node.written_s - since
    return Skew(least, most)


def _since(node: Content, name: str) -> int | None:
    """The time of this machine from which the agent says that all is as it is."""
    with suppress(EntryError):
        record = records.load_object(content(node.record))
        entry = records.from_object(record, service=AGENTS, name=name)
        if (digest := Announcement.read(entry).digest) is not None:
            return digest.since
    return None
