"""A share of a span of time that is one's own, so that a fleet does nothing at the same moment."""

import socket
from hashlib import sha256


def own_share(*of: object) -> float:
    """A number from 0 to below 1, always the same for this host and ``of``, else as good as random.

    ``of`` tells apart what runs on one host, as its state folder does.
    """
    words = "\0".join([socket.gethostname(), *map(str, of)])
    return int.from_bytes(sha256(words.encode()).digest()[:6]) / 2**48
