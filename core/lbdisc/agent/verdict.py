"""What the guard says of the registry's state."""

from dataclasses import dataclass

from lbdisc.agent.held import Held
from lbdisc.values import Endpoint, Snapshot

IS_BACK = "listed again"


@dataclass(frozen=True, slots=True, order=True)
class Released:
    """An endpoint that is held no more, and ``why``."""

    why: str
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be balanced; ``held`` and ``released`` name what has just been kept and let go.

    ``apart`` are the registry's entries that do not count, as another has their address.
    """

    snapshot: Snapshot
    held: tuple[Held, ...] = ()
    released: tuple[Released, ...] = ()
    apart: tuple[Endpoint, ...] = ()
