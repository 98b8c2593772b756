"""What can go wrong with a running HAProxy; all of it is an ``ApplyError``.

``HaproxyError``
├── ``Unreachable``   nothing answers at the socket, or the connection broke in the middle
│   ├── ``Forbidden`` this user may not open the socket
│   ├── ``NotTold``   it could not be told to reload
│   └── ``OtherWorker`` a worker answers, and another one is meant
│       └── ``Replaced`` it took orders, yet a reload has put another one in its place
├── ``Refused``       a command was answered by anything but its known success
├── ``Occupied``      not at this moment: a server that would move is in use
└── ``ReloadFailed``  the new worker did not come up; the old one goes on
"""

from lbdisc.errors import ApplyError


class HaproxyError(ApplyError):
    """HAProxy could not be asked, or did not do what it was asked for."""


class Unreachable(HaproxyError):
    """Nothing answers at the socket, or it stopped answering."""


class Forbidden(Unreachable):
    """The socket, or a folder on the way to it, does not let this user in."""


class OtherWorker(Unreachable):
    """Another worker answers than the one that is meant."""


class Replaced(OtherWorker):
    """The worker that took the orders only finishes what it has: new connections go to another."""


class Refused(HaproxyError):
    """``command`` was answered by ``reply``, which is not its success."""

    def __init__(self, command: str, reply: str) -> None:
        first = next((line.strip() for line in reply.split("\n") if line.strip()), "no text")
        first = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in first)
        super().__init__(f"HAProxy refused {command!r}: {first}")
        self.command = command
        self.reply = reply


class Occupied(HaproxyError):
    """A server has connections in use that would go to its old address; nothing was changed."""


class ReloadFailed(HaproxyError):
    """The new worker did not come up; the old one goes on with the old configuration."""


class NotTold(Unreachable):
    """HAProxy was not told to reload, so nothing is known of what it was to load."""
