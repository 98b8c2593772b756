"""Random numbers that are the same for the same seed, whatever else is drawn."""

import hashlib

import numpy as np


def generator(seed: int, *words: object) -> np.random.Generator:
    """Random numbers of their own for each point, the same for the same seed."""
    digest = hashlib.sha256(repr((seed, *words)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))
