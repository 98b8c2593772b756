"""One ``server`` line as HAProxy reads it: ``default-server`` lines folded in, keywords told apart.

``default-server`` does not reach servers that are added at run time, so a command has to carry
everything that the file gives the server.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass

from lbdisc.errors import LbdiscError
from lbdisc.haproxy.language.numbers import whole
from lbdisc.haproxy.language.text import ServerLine, Words
from lbdisc.haproxy.sockets.orders import is_name
from lbdisc.haproxy.versions import DYNAMIC, MAX_WEIGHT, NEGATIONS, STATIC


class Unfit(LbdiscError):
    """This cannot be done at run time; the text is the reason for a reload."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A server of the file, understood. ``options`` are its keywords but weight and disabled.

    ``host`` is a canonical IP address, or the host name as written, and ``port`` 0 where there is
    none or one that is no plain number.
    """

    proxy: str
    name: str
    host: str
    port: int
    weight: int
    disabled: bool
    options: Mapping[str, Words]

    def has(self, *keywords: str) -> str:
        """The first of ``keywords`` that the server has, or ``""``."""
        return next((word for word in keywords if word in self.options), "")

    @property
    def checked(self) -> bool:
        return "check" in self.options

    @property
    def is_ip(self) -> bool:
        return canonical_ip(self.host) == self.host

    @property
    def host_port(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def words(self) -> Words:
        """The options for ``add server``, in the order of the file, the weight at last."""
        given = [word for key, values in self.options.items() for word in (key, *values)]
        return (*given, *self._inherited_by_checks(), "weight", str(self.weight))

    def _inherited_by_checks(self) -> Words:
        """What checks take over from the traffic in the file, and have to be told at run time.

        Manual 5.2, "check": they do unless they go elsewhere. Measured on 2.6 to 3.4: those of a
        server that was added talk in the clear, without the PROXY line, until they are told.
        """
        if not self.checked or self.has("port", "addr"):
            return ()
        wanted = {
            "check-ssl": self.has("ssl"),
            "check-send-proxy": self.has("send-proxy", "send-proxy-v2"),
        }
        return tuple(word for word, by in wanted.items() if by and word not in self.options)


def fold(line: ServerLine) -> Spec:
    """``line`` and its defaults as HAProxy takes them. Raises ``Unfit`` for what is not known."""
    if line.raw or any(default.raw for default in line.defaults):
        raise Unfit(f"server {line}: its line has environment variables")
    options: dict[str, Words] = {}
    for default in line.defaults:
        _take(options, default.words[1:], line)
    _take(options, line.options, line)
    if not (is_name(line.proxy) and is_name(line.name)):
        raise Unfit(f"server {line}: its name cannot be told at the socket")
    host, port = endpoint(line.address)
    if canonical_ip(host):
        options.pop("init-addr", None)  # says how to find the address, which is known
    weight = options.pop("weight", ("1",))[0]
    number = whole(weight)
    if number is None or number > MAX_WEIGHT:
        raise Unfit(f"server {line}: odd weight")
    disabled = options.pop("disabled", None) is not None
    return Spec(line.proxy, line.name, host, port, number, disabled, options)


def _take(options: dict[str, Words], words: Words, line: ServerLine) -> None:
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word in NEGATIONS:
            options.pop(NEGATIONS[word], None)
            continue
        count = DYNAMIC.get(word, STATIC.get(word))
        if count is None:
            raise Unfit(f"server {line}: keyword {word!r} is not known to be safe at run time")
        options[word] = words[at : at + count]
        if len(options[word]) < count:
            raise Unfit(f"server {line}: keyword {word!r} lacks its value")
        at += count


def endpoint(address: str) -> tuple[str, int]:
    """Host and port of a server's address word; port 0 when it has none of its own."""
    text = address.removeprefix("ipv4@").removeprefix("ipv6@")
    host, colon, port = text.rpartition(":")
    if not colon:
        return canonical_ip(text) or text, 0
    host = host.strip("[]")
    number = whole(port) or 0
    return canonical_ip(host) or host, number if number < 65536 else 0


def canonical_ip(text: str) -> str:
    """``text`` as HAProxy prints that IP address, or ``""`` when it is none."""
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, text))
    except (OSError, ValueError):  # ValueError: a zero in the middle
        return ""
