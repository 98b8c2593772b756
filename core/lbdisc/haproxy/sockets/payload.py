"""A command with a payload (management guide 9.3): ``set ssl cert NAME <<`` and lines after it.

Over a connection of its own that is not interactive: what an interactive one says between the lines
of a payload differs by version.
"""

from lbdisc.errors import shown
from lbdisc.haproxy.errors import HaproxyError, Unreachable
from lbdisc.haproxy.sockets.socket import TIMEOUT, dial
from lbdisc.haproxy.versions import MAX_LINE, MAX_PAYLOAD


def is_payload(data: bytes) -> bool:
    """Whether ``data`` can stand behind a command: not too long, and no empty line in it."""
    return bool(data) and len(data) <= MAX_PAYLOAD and b"\0" not in data and all(data.split(b"\n"))


def ask_with_payload(address: str, command: str, payload: bytes) -> str:
    """The reply to ``command``, without the ``<<``, and its ``payload``, without its last newline.

    Raises ``Unreachable``, also where HAProxy closes without a word, as it does when a payload is
    too long for it; ``HaproxyError`` for what ``is_payload`` refuses.
    """
    if not (command.isprintable() and is_payload(payload)) or len(command) > MAX_LINE:
        raise HaproxyError(f"not one command with a payload: {shown(command)}")
    try:
        with dial(address, TIMEOUT) as connection:
            connection.sendall(f"{command} <<\n".encode() + payload + b"\n\n")
            reply = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    except OSError as error:
        raise Unreachable(f"HAProxy's socket {address} broke off: {error}") from error
    if not reply:
        raise Unreachable(f"HAProxy closed its socket {address} before it answered")
    return reply.decode(errors="replace").strip()
