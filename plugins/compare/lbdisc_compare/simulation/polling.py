"""Polls: each balancer asks a name server over and over (HAProxy's resolvers).

Facts: HAProxy's configuration manual, "resolvers" (``timeout resolve``, 1 s by default;
``accepted_payload_size``, 512 by default, 8,192 at the most over UDP; a name server ``tcp@`` gives
65,535); RFC 1035 4.1 and 4.2.1 (sizes, TC), RFC 6891.
"""

from dataclasses import dataclass

import numpy as np

from lbdisc_compare.simulation.crowd import Times
from lbdisc_compare.simulation.messages import TCP, UDP

HEADER = 12
QUESTION = 24  # bytes of a name such as nodes.example.internal, with type and class
ADDRESS = 16  # bytes of an A record whose name is a pointer
OPT = 11  # bytes of the EDNS record
STREAM = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    """``resolve``: seconds between two queries for a name; ``payload``: bytes accepted over UDP."""

    way: str = "poll"
    resolve: float = 1.0
    payload: int = 8192

    def answer(self, nodes: int) -> int:
        """Bytes of the whole answer, without headers."""
        return HEADER + QUESTION + ADDRESS * nodes + OPT

    def most_nodes(self, limit: int) -> int:
        """Addresses that fit into an answer of ``limit`` bytes."""
        return (limit - HEADER - QUESTION - OPT) // ADDRESS

    def over_tcp(self, nodes: int) -> bool:
        return self.answer(nodes) > self.payload

    def listed(self, nodes: int) -> int:
        """How many of ``nodes`` a balancer can learn at all."""
        return min(nodes, self.most_nodes(STREAM))

    def queries_per_second(self, balancers: int) -> float:
        return balancers / self.resolve

    def bytes_per_second(self, nodes: int, balancers: int) -> float:
        """At the name server, in and out."""
        query = HEADER + QUESTION + OPT
        size = self.answer(self.listed(nodes))
        headers = 2 * UDP if not self.over_tcp(nodes) else TCP * (4 + size // 1448)
        return (query + size + headers) * self.queries_per_second(balancers)

    def news(self, trials: int, random: np.random.Generator) -> Times:
        """Seconds until one balancer sees that the zone has changed."""
        return random.uniform(0.0, self.resolve, trials)


POLL = Polling()
