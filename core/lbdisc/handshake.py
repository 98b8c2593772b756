"""The drain handshake as it stands in a registry.

Each agent announces itself as an endpoint of the service ``AGENTS``. Its tags say which services it
balances and which draining endpoints its load balancer holds no session for any more, one short
token each. ``lbdisc register`` watches them.
"""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Self

from lbdisc.errors import EntryError
from lbdisc.values import Endpoint, Snapshot

AGENTS = "_agents"
DRAIN_TAG = "lbdisc.drain"  # on a draining endpoint: tells this drain from an earlier one
SERVICES_TAG, DRAINED_TAG = "services", "drained"  # on an agent
NO_PORT = 1  # an endpoint has a port; nobody listens at an agent's
# A member of Serf has 512 bytes for all its tags: so many tokens and services take 400 of them.
ROOM = 40
SERVICES_ROOM = 128  # characters
_TOKEN = 6  # characters, 36 bits


def new_drain() -> str:
    """What tells one drain of an endpoint from the next: four characters."""
    return secrets.token_urlsafe(3)


def begun(endpoint: Endpoint, drain: str = "????") -> Endpoint:
    """``endpoint`` as draining, in the drain named ``drain``."""
    drained = endpoint.drain()
    with suppress(EntryError):  # no room for another tag: it has to do without
        drained = replace(drained, tags=(*drained.tags, (DRAIN_TAG, drain)))
    return drained


def token(endpoint: Endpoint) -> str:
    """What stands for this drain of ``endpoint`` in an agent's tags."""
    told = f"{endpoint.service}/{endpoint.name} {endpoint.tag(DRAIN_TAG)}"
    return urlsafe_b64encode(sha256(told.encode()).digest())[:_TOKEN].decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What an agent says of itself: the ``services`` it balances, and the tokens in ``drained``.

    Empty services stand for any: it did not say.
    """

    name: str
    services: tuple[str, ...] = ()
    drained: tuple[str, ...] = ()

    @classmethod
    def read(cls, endpoint: Endpoint) -> Self:
        services, tokens = endpoint.tag(SERVICES_TAG), endpoint.tag(DRAINED_TAG)
        return cls(
            name=endpoint.name,
            services=tuple(services.split(",")) if services else (),
            drained=tuple(tokens[at : at + _TOKEN] for at in range(0, len(tokens), _TOKEN)),
        )

    def endpoint(self, address: str) -> Endpoint:
        """Its entry in the registry: what fits, the first tokens first."""
        tags = {}
        if drained := "".join(self.drained[:ROOM]):
            tags[DRAINED_TAG] = drained
        services = ",".join(self.services)
        if services and len(services) <= SERVICES_ROOM:
            tags[SERVICES_TAG] = services
        return Endpoint(
            service=AGENTS,
            name=self.name,
            address=address,
            port=NO_PORT,
            tags=tuple(tags.items()),
        )

    def balances(self, service: str) -> bool:
        """Whether it may send traffic to ``service``."""
        return not self.services or service in self.services


def agents(snapshot: Snapshot) -> tuple[Announcement, ...]:
    """The agents that live, by name; one that is about to leave does not count."""
    found = (e for e in snapshot.endpoints if e.service == AGENTS and not e.draining)
    return tuple(Announcement.read(endpoint) for endpoint in found)


@dataclass(frozen=True, slots=True)
class Progress:
    """The names of the agents that have let go of an endpoint, and of those that have not."""

    done: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


def progress(endpoint: Endpoint, among: Iterable[Announcement]) -> Progress:
    """How far the drain of ``endpoint`` is; only agents that balance its service count."""
    concerned = [agent for agent in among if agent.balances(endpoint.service)]
    sign = token(endpoint)
    return Progress(
        done=tuple(agent.name for agent in concerned if sign in agent.drained),
        waiting=tuple(agent.name for agent in concerned if sign not in agent.drained),
    )
