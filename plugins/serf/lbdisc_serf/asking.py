"""Asking whether another member lists an entry: Serf's query ``lbdisc.lists``, and its answer.

The discovery beside a load balancer answers from what its own agent knows. So it is known what a
cluster thinks of a member, which its own agent cannot tell: that one always lists itself.
"""

import json
from collections.abc import Iterable

from lbdisc.values import Endpoint
from lbdisc_serf import tags
from lbdisc_serf.members import Member

QUERY = "lbdisc.lists"
ANSWERING = tags.tag_name("_agents")  # the tag of a member beside which a load balancer's agent is
YES, NO = "yes", "no"


def question(endpoint: Endpoint) -> bytes:
    """The query's payload; Serf allows 1,024 bytes in all."""
    tag = tags.tag_name(endpoint.service)
    return json.dumps([endpoint.name, endpoint.address, tag, tags.write(endpoint)]).encode()


def answer(payload: object, members: Iterable[Member]) -> str:
    """``yes``, the other address at which ``members`` have that name, or ``no``."""
    try:
        name, address, tag, value = json.loads(payload)  # type: ignore[arg-type] # refused if bad
    except (TypeError, ValueError):
        return NO
    member = next((member for member in members if member.name == name), None)
    if member is None or member.status == "left":
        return NO
    if member.address != address:
        return member.address
    return YES if member.status == "alive" and member.tags.get(tag) == value else NO
