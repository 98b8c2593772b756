"""The drain handshake as it stands in a registry.

Each agent announces itself as an endpoint of the service ``AGENTS``. Its tags say which services it
balances and which draining endpoints its load balancer holds no session for any more, one short
token each. ``lbdisc register`` watches them.
"""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Self

from lbdisc.fleet import Digest
from lbdisc.values import MAX_ALL_TAGS, MAX_TAGS, Endpoint, Snapshot, size_of_tags

AGENTS = "_agents"
DRAIN_TAG = "lbdisc.drain"  # on a draining endpoint: tells this drain from an earlier one
# On an agent:
SERVICES_TAG, DRAINED_TAG, FULL_TAG, DIGEST_TAG = "services", "drained", "full", "digest"
BOUND_TAG = "by"  # binds the digest to the agent's name: no copy of an entry speaks for another
NO_PORT = 1  # an endpoint has a port; nobody listens at an agent's
# A member of Serf has 512 bytes for all its tags: so many tokens and services take 400 of them.
ROOM = 40
SERVICES_ROOM = 128  # characters
_TOKEN = 6  # characters, 36 bits
_BOUND = 5  # characters


def new_drain() -> str:
    """What tells one drain of an endpoint from the next: four characters."""
    return secrets.token_urlsafe(3)


def begun(endpoint: Endpoint, drain: str = "????") -> Endpoint:
    """``endpoint`` as draining, in the drain named ``drain``.

    That name is all an agent goes by: where there is no room for it, another tag gives way.
    """
    name = (DRAIN_TAG, drain)
    tags = [tag for tag in endpoint.tags if tag[0] != DRAIN_TAG][: MAX_TAGS - 1]
    while size_of_tags((*tags, name)) > MAX_ALL_TAGS:
        tags.pop()
    return replace(endpoint.drain(), tags=(*tags, name))


def asks(endpoint: Endpoint) -> bool:
    """Whether somebody waits for an acknowledgement: an operator's ``draining`` does not."""
    return endpoint.draining and bool(endpoint.tag(DRAIN_TAG))


def token(endpoint: Endpoint) -> str:
    """What stands for this drain of ``endpoint`` in an agent's tags."""
    told = f"{endpoint.service}/{endpoint.name} {endpoint.tag(DRAIN_TAG)}"
    return _short(told, _TOKEN)


def _bound(name: str, digest: str) -> str:
    return _short(f"{name} {digest}", _BOUND)


def _short(text: str, characters: int) -> str:
    return urlsafe_b64encode(sha256(text.encode()).digest())[:characters].decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What an agent says of itself: the ``services`` it balances, and the tokens in ``drained``.

    Empty services stand for any: it did not say. ``full``: more has drained than there is room for.
    ``digest`` is by what others see whether it agrees with them, and that it ever answered to what
    the registry lists: without one nobody waits for it. It counts only under the agent's own name.
    ``wheel`` are tags with what it says of orders to the fleet (``lbdisc.fleet_orders``).
    """

    name: str
    services: tuple[str, ...] = ()
    drained: tuple[str, ...] = ()
    full: bool = False
    digest: Digest | None = None
    wheel: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, endpoint: Endpoint) -> Self:
        services, tokens = endpoint.tag(SERVICES_TAG), endpoint.tag(DRAINED_TAG)
        digest = endpoint.tag(DIGEST_TAG)
        own = endpoint.tag(BOUND_TAG) == _bound(endpoint.name, digest)
        return cls(
            name=endpoint.name,
            services=tuple(services.split(",")) if services else (),
            drained=tuple(tokens[at : at + _TOKEN] for at in range(0, len(tokens), _TOKEN)),
            full=bool(endpoint.tag(FULL_TAG)),
            digest=Digest.read(digest) if own else None,
        )

    def endpoint(self, address: str) -> Endpoint:
        """Its entry in the registry: what fits, the first tokens first."""
        tags = dict(self.wheel)
        if drained := "".join(self.drained[:ROOM]):
            tags[DRAINED_TAG] = drained
        if self.full or len(self.drained) > ROOM:
            tags[FULL_TAG] = "1"
        if self.digest is not None:
            tags[DIGEST_TAG] = str(self.digest)
            tags[BOUND_TAG] = _bound(self.name, tags[DIGEST_TAG])
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


def fitted(word: Announcement, address: str, spare: Callable[[Endpoint], int]) -> Endpoint:
    """The entry of ``word`` with as many of its tokens as there is room for beside the rest.

    ``spare`` tells how many bytes more an entry may have.
    """
    entry = word.endpoint(address)
    while spare(entry) < 0 and word.drained:
        word = replace(word, drained=word.drained[: min(ROOM, len(word.drained)) - 1], full=True)
        entry = word.endpoint(address)
    return entry


def under(entry: Endpoint, name: str) -> Endpoint:
    """An agent's ``entry`` as it is where the registry knows it as ``name``."""
    tags = dict(entry.tags)
    if Announcement.read(entry).digest is not None:
        tags[BOUND_TAG] = _bound(name, tags[DIGEST_TAG])
    return replace(entry, name=name, tags=tuple(tags.items()))


def agents(snapshot: Snapshot) -> tuple[Announcement, ...]:
    """The agents that live, by name; one that is about to leave does not count."""
    found = (e for e in snapshot.endpoints if e.service == AGENTS and not e.draining)
    return tuple(Announcement.read(endpoint) for endpoint in found)


def leaving(snapshot: Snapshot) -> frozenset[str]:
    """The names of the agents that take leave, and their load balancers with them."""
    return frozenset(e.name for e in snapshot.endpoints if e.service == AGENTS and e.draining)


@dataclass(frozen=True, slots=True)
class Progress:
    """The names of the agents that have let go of an endpoint, and of those that have not.

    Those of them in ``full`` may have, and have no room to say so before others have left. The
    ``silent`` have not either, nor ever answered to anything: nothing tells that they are agents.
    """

    done: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    full: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()


def progress(endpoint: Endpoint, among: Iterable[Announcement]) -> Progress:
    """How far the drain of ``endpoint`` is; only agents that balance its service count.

    An endpoint for which nobody asks is waited for by nobody.
    """
    if not asks(endpoint):
        return Progress()
    concerned = [agent for agent in among if agent.balances(endpoint.service)]
    sign = token(endpoint)
    silent = [a for a in concerned if a.digest is None and sign not in a.drained]
    left = [a for a in concerned if a.digest is not None and sign not in a.drained]
    return Progress(
        done=tuple(agent.name for agent in concerned if sign in agent.drained),
        waiting=tuple(agent.name for agent in left),
        full=tuple(agent.name for agent in left if agent.full),
        silent=tuple(agent.name for agent in silent),
    )
