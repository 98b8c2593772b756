"""What is secret by its name, and what is shown in its place."""

import re

MASK = "********"
_WORDS = frozenset(
    (
        *("auth", "credential", "credentials", "encrypt", "key", "keys", "passphrase", "passwd"),
        *("password", "passwords", "pin", "pwd", "secret", "secrets", "token", "tokens"),
    )
)
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

# Of HAProxy's configuration: what comes behind these is secret (manual 3.4, 4.2).
_BEHIND = re.compile(r"(\b(?:dynamic-cookie-key|(?:insecure-)?password|stats auth)[ \t]+)\S.*")


def masked(line: str) -> str:
    """A line of a configuration for people to see."""
    return _BEHIND.sub(rf"\g<1>{MASK}", line)


def is_secret(name: str) -> bool:
    """Whether a setting of this name holds a secret, as ``cookie_key`` or ``apiToken`` does.

    One that ends in ``file`` only says where it is.
    """
    words = [word.lower() for word in _PARTS.findall(name)]
    return words[-1:] != ["file"] and not _WORDS.isdisjoint(words)
