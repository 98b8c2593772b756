"""What HAProxy can do at run time and where that ends: all that depends on its version.

What stands in no table, such as a keyword that a new version brings, needs a reload.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lbdisc.errors import shown
from lbdisc.haproxy.errors import HaproxyError

Version = tuple[int, int, int]


def read_version(text: str) -> Version:
    """``(2, 6, 12)`` from ``2.6.12-1+deb12u4``; a missing patch level is 0."""
    found = re.match(r"([0-9]{1,9})\.([0-9]{1,9})(?:[.-](?:dev)?([0-9]{1,9}))?", text)
    if not found:
        raise HaproxyError(f"no version of HAProxy: {shown(text)}")
    major, minor, patch = found.groups(default="0")
    return int(major), int(minor), int(patch)


@dataclass(frozen=True, slots=True)
class Features:
    """What a worker can do at run time, by what it offers rather than by its version."""

    version: Version
    wait: bool  # `wait … srv-removable`, which came with the safe `del server` (3.0)

    @property
    def can_delete(self) -> bool:
        """Whether ``del server`` is safe (older ones have use-after-free bugs)."""
        return self.wait

    def accepts(self, keyword: str) -> bool:
        """Whether ``add server`` takes a keyword of ``STATIC`` after all."""
        return keyword in ACCEPTED_SINCE and self.version >= ACCEPTED_SINCE[keyword]

    @property
    def reuses_connections(self) -> bool:
        """Whether a server added at run time reuses connections; if not, a reload should follow."""
        return self.wait

    @property
    def pools_by_address(self) -> bool:
        """Whether a kept connection only serves requests for the address that it goes to.

        Not so on 2.6.12; so on 2.8.25, 3.0.11, 3.2.26 and 3.4.7 (measured). It came with 3.2-dev9
        ("backend: fix reuse with set-dst/set-dst-port") and was taken back into older branches,
        of which only what was seen counts.
        """
        branch, patch = self.version[:2], self.version[2]
        return branch >= (3, 2) or patch >= _POOL_BY_ADDRESS.get(branch, patch + 1)


# The patch level from which a branch looks kept connections up by their address too.
_POOL_BY_ADDRESS = {(2, 8): 25, (3, 0): 11}
OLDEST = Features((2, 6, 0), wait=False)
# How the answer of the master's `reload` begins when it failed; before 2.7 it does not tell.
RELOAD_FAILED = "Success=0"
# From here on the master forks a worker before it has read its configuration, and lists it at once;
# before, a worker that is listed has bound its addresses (measured on 3.0, 3.2 and 3.4).
LOADS_AFTER_FORK: Version = (3, 1, 0)
# How a check's end begins where the system gave an error; before 3.4 its words stand alone.
BY_OS = re.compile(r"^E[A-Z0-9]+ returned by OS \((.*)\)$")
# From here on a frontend and a backend may not share a name (measured on 3.4).
NAMES_ARE_UNIQUE: Version = (3, 3, 0)

# The limits.
MAX_WEIGHT = 256  # configuration manual 5.2, "weight"
MAX_LINE = 8000  # bytes of a command; from about 15.4 kB on, HAProxy gives no answer at all
# Bytes of a payload. With its command it has to fit into tune.bufsize (16,384 by default, measured
# on 2.6 to 3.2; 3.4 takes more): beyond, 2.6 to 3.0 break off without an answer.
MAX_PAYLOAD = 16000
# Bytes. Linux takes 107, of which HAProxy needs ten for a suffix while it binds (measured).
MAX_UNIX_PATH = 97

# Keywords of a server line that `add server` takes and that then work as in the file, with their
# number of values.
DYNAMIC: Mapping[str, int] = {
    **dict.fromkeys(("check", "backup", "disabled", "check-send-proxy"), 0),
    **dict.fromkeys(("send-proxy", "send-proxy-v2", "ssl", "check-ssl"), 0),
    **dict.fromkeys(("weight", "inter", "fastinter", "downinter", "rise", "fall", "port"), 1),
    **dict.fromkeys(("addr", "maxconn", "maxqueue", "slowstart", "observe", "on-error"), 1),
    **dict.fromkeys(("error-limit", "on-marked-down", "on-marked-up", "id", "proto"), 1),
    **dict.fromkeys(("check-proto", "ws", "verify", "sni", "alpn", "check-sni", "check-alpn"), 1),
    **dict.fromkeys(("pool-low-conn", "pool-max-conn", "pool-purge-delay"), 1),
    # Read from a file when HAProxy starts; `add server` takes one that was (measured, 2.6 to 3.4).
    **dict.fromkeys(("ca-file", "verifyhost"), 1),
}
# Keywords that need a reload when a server with them comes: refused by HAProxy, or read from
# files, or completed only while the file is read (minconn), or able to change the state (agent).
STATIC: Mapping[str, int] = {
    **dict.fromkeys(("stick", "non-stick", "agent-check", "check-via-socks4", "tfo"), 0),
    **dict.fromkeys(("no-check-ssl",), 0),
    **dict.fromkeys(("cookie", "redir", "track", "minconn", "init-addr", "resolvers"), 1),
    **dict.fromkeys(("resolve-prefer", "resolve-net", "resolve-opts", "max-reuse", "crt"), 1),
    **dict.fromkeys(("crl-file", "agent-inter", "agent-addr", "agent-port"), 1),
    **dict.fromkeys(("agent-send", "ciphers", "ciphersuites", "ssl-min-ver", "ssl-max-ver"), 1),
    **dict.fromkeys(("log-proto", "namespace", "socks4", "tcp-ut", "init-state"), 1),
    **dict.fromkeys(("proxy-v2-options", "npn", "tls-tickets", "shard"), 1),
}
# Of these, what newer ones take for a new server, and then do as in the file (measured: `cookie` is
# refused by 2.8 and taken by 3.0, `init-state` is known from 3.1 on).
ACCEPTED_SINCE: Mapping[str, Version] = {"cookie": (3, 0, 0), "init-state": (3, 1, 0)}
# Keywords that take another back, which a later line of the file may do to an earlier one.
NEGATIONS: Mapping[str, str] = {
    "enabled": "disabled",
    **{f"no-{word}": word for word in ("check", "backup", "send-proxy", "send-proxy-v2", "ssl")},
}

# `balance` that takes servers and weights at any time, and that does so if its hash is consistent.
DYNAMIC_BALANCE = frozenset(("roundrobin", "leastconn", "first", "random"))
HASH_BALANCE = frozenset(("source", "uri", "url_param", "hdr", "rdp-cookie", "hash"))
# Starts of a proxy's lines whose work on servers HAProxy does only while it reads the file.
AT_START_ONLY = (
    *(("option", "external-check"), ("option", "ssl-hello-chk"), ("email-alert",)),
    *(("use-fcgi-app",), ("server-template",), ("disabled",), ("dispatch",), ("transparent",)),
    *(("option", "transparent"), ("option", "http_proxy")),
)
# Starts of words in `global` that change what ssl means on a server line, for the file alone. Those
# of `ssl-default-bind-` are about `bind` lines (manual 3.1).
SSL_DEFAULTS = ("ssl-default-server-", "ssl-server-verify", "ssl-propquery")
