"""What a session with ZooKeeper tells its user: events as they come, and why a request failed."""

from dataclasses import dataclass
from typing import Literal

from lbdisc.errors import DiscoveryError, RegistrarError
from lbdisc.raw import Raw

Failure = type[DiscoveryError] | type[RegistrarError]
Identity = tuple[int, bytes]  # number and password of a session
Kind = Literal["connected", "broken", "created", "changed", "deleted", "children"]


@dataclass(frozen=True, slots=True)
class Signal:
    """The connection came or broke, or a watch fired for ``path``."""

    kind: Kind
    path: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """A node's content; ``session`` is the session it lives with, 0 for a persistent one.

    ``version`` counts its changes; ``written_s``: when the last was, in the leader's unix seconds.
    """

    record: Raw
    session: int
    version: int
    written_s: float


class Gone(Exception):
    """The node does not exist."""


class Overlarge(Exception):
    """The answer is larger than is taken in."""


class Locked(DiscoveryError):
    """A node's ACL keeps us from reading it."""


class Taken(Exception):
    """The node exists already, or holds something else by now."""


class Interrupted(Exception):
    """The connection or the session broke before the answer; it may heal by itself."""


class Stopped(RegistrarError):
    """The caller was asked to stop while it waited for an answer; a discovery then just returns."""

    def __init__(self) -> None:
        super().__init__("stopped before ZooKeeper had answered")
