"""Asking whether another member lists an entry: Serf's query ``lbdisc.lists``, and its answer.

The discovery beside a load balancer answers from what its own agent knows. So it is known what a
cluster thinks of a member, which its own agent cannot tell: that one always lists itself.
"""

import json
from collections.abc import Iterable
from functools import partial

from lbdisc.bounded_json import load
from lbdisc.errors import EntryError
from lbdisc.reading import read_entry
from lbdisc.values import Endpoint, Problem
from lbdisc_serf import tags
from lbdisc_serf.members import Member

QUERY = "lbdisc.lists"
ANSWERING = tags.tag_name("_agents")  # the tag of a member beside which a load balancer's agent is
YES, NO = "yes", "no"


def question(endpoint: Endpoint) -> bytes:
    """The query's payload; Serf allows 1,024 bytes in all."""
    tag = tags.tag_name(endpoint.service)
    return json.dumps([endpoint.name, endpoint.address, tag, tags.write(endpoint)]).encode()


def _asked(payload: object) -> tuple[str, str, str, str]:
    if not isinstance(payload, bytes):
        raise EntryError("no payload")
    name, address, tag, value = words = load(payload)
    if not all(isinstance(word, str) for word in words):
        raise EntryError("four texts are needed")
    return name, address, tag, value


def answer(payload: object, members: Iterable[Member]) -> str:
    """``yes``, the other address at which ``members`` have that name, or ``no``."""
    asked = read_entry(QUERY, partial(_asked, payload))
    if isinstance(asked, Problem):
        return NO
    name, address, tag, value = asked
    member = next((member for member in members if member.name == name), None)
    if member is None or member.status == "left":
        return NO
    if member.address != address:
        return member.address
    return YES if member.status == "alive" and member.tags.get(tag) == value else NO
