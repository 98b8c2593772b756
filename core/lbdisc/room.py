"""How many servers a load balancer can have."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """``servers`` of a configuration need room, at most; there is room for ``fits``.

    ``why`` is what bounds it and what would raise it, in words that "is reached" follows.
    """

    servers: int
    fits: int
    why: str
