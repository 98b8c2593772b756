"""Who keeps an address and port that entries of two services name: evidence decides, not the clock.

Where addresses are given anew, as to containers, the older entry is stale and whoever came there
last is there. But whoever may write one record can also name another's address, and must not take
it out of traffic by that. What tells them apart is whether the load balancer has found the older
one's server up for long: one that died and lost its address has not been.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from lbdisc.agent.places import NEVER, Key
from lbdisc.agent.tenure import STEADY
from lbdisc.observed import ServerHealth
from lbdisc.values import Endpoint

PAUSE = 60.0  # seconds for which an entry gives way; the lease of a stale one ends meanwhile


@dataclass(slots=True)
class _Claim:
    """``until`` when the older entry gives way, ``None`` if it does not; ``tried`` again since?"""

    until: float | None
    tried: bool = False


class Contests:
    """The addresses that two services claim now; times are seconds of the caller's clock."""

    def __init__(self) -> None:
        self._claims: dict[tuple[Endpoint, Key], _Claim] = {}
        self._asked: dict[tuple[Endpoint, Key], _Claim] = {}

    def begin(self) -> None:
        """All that are contested now are about to be asked for."""
        self._asked = {}

    def end(self) -> None:
        """Forget those that were not."""
        self._claims = self._asked

    def stays(self, older: Endpoint, newcomer: Endpoint, *, came: float, now: float) -> bool:
        """Whether ``older``, which ``came`` at that time, is who is there."""
        pair = older, newcomer.key
        claim = self._claims.get(pair)
        if claim is None:
            # Who came with everything else, a short while ago, may be at an address of before.
            new = came > NEVER and now - came < STEADY
            claim = _Claim(now + PAUSE if new else None)
        elif claim.until is not None and claim.until <= now:
            claim.until, claim.tried = None, True
        self._asked[pair] = claim
        return claim.until is None

    @property
    def watched(self) -> Iterable[Endpoint]:
        """Those whose health decides."""
        return [older for (older, _), claim in self._claims.items() if claim.until is None]

    @property
    def due(self) -> float | None:
        """When one that gave way is there again."""
        times = (claim.until for claim in self._claims.values())
        return min((until for until in times if until is not None), default=None)

    def see(self, found: ServerHealth, now: float) -> None:
        """What the load balancer says of one that is ``watched``."""
        fresh = found.state == "up" and found.steady_s < STEADY
        for (older, _), claim in self._claims.items():
            gone = found.state == "down" or (fresh and not claim.tried)
            if older == found.endpoint and claim.until is None and gone:
                claim.until = now + PAUSE
