"""One registrar for one service on one agent: the first holds, others wait.

Serf itself decides between two members of one name; between two registrars on one member nothing
does, and they would overwrite each other's tag in turns.
"""

import socket


class Claim:
    """The right to one service at the agent ``rpc``, among all on this host.

    It is a socket's name in the abstract namespace: it ends with the process in any case, and is
    seen by all that reach the same loopback address.
    """

    def __init__(self, rpc: str, service: str) -> None:
        self.name = f"lbdisc-serf/{rpc}/{service}"[:106]
        self.used = False
        """Whether its holder may have set the tag and has not taken it away."""
        self._socket: socket.socket | None = None

    def take(self) -> bool:
        """Whether it is ours, now or since before."""
        if self._socket is not None:
            return True
        mine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            mine.bind(f"\0{self.name}")
        except OSError:
            mine.close()
            return False
        self._socket = mine
        return True

    def release(self) -> None:
        """Let others have it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
