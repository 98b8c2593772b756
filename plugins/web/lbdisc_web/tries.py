"""Wrong tokens, by the address that they come from: who guesses is asked to wait."""

import hmac
import ipaddress
import secrets
import time
from collections.abc import Callable

MOST = 10  # different wrong tokens
WITHIN = 60.0  # seconds
ADDRESSES = 1024  # that are remembered, the last ones


class WrongTokens:
    """One that is repeated is no guess: a program with an old token keeps nobody else out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._seen: dict[str, dict[bytes, float]] = {}

    def wait(self, asker: str) -> float:
        """Seconds until a token from ``asker`` is looked at again, 0 if it is now."""
        tries = self._recent(asker)
        if len(tries) < MOST:
            return 0.0
        return min(tries.values()) + WITHIN - self._clock()

    def add(self, asker: str, token: bytes) -> None:
        """Of the token nothing is kept but a mark, by which it is known again."""
        tries = self._recent(asker)
        tries.setdefault(hmac.digest(self._key, token, "sha256"), self._clock())
        self._seen.pop(place := _place(asker), None)
        self._seen[place] = tries
        if len(self._seen) > ADDRESSES:
            del self._seen[next(iter(self._seen))]

    def _recent(self, asker: str) -> dict[bytes, float]:
        oldest = self._clock() - WITHIN
        found = self._seen.get(_place(asker), {})
        return {mark: when for mark, when in found.items() if when > oldest}


def _place(asker: str) -> str:
    """An IPv6 network of 64 bits is one: whoever has an address there has all of them."""
    try:
        address = ipaddress.ip_address(asker)
    except ValueError:
        return asker
    if isinstance(address, ipaddress.IPv4Address):
        return asker
    return str(address.ipv4_mapped or ipaddress.IPv6Network((int(address), 64), strict=False))
