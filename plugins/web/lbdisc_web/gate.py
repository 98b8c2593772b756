"""Who is let in: by the name that was asked for, where the request comes from, and the token."""

import hmac
import ipaddress
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from lbdisc.showing import shown
from lbdisc_web.tries import WrongTokens

QUIET = 60.0  # seconds between two lines that say the same of who was turned away
_SECURITY = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        " img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
        " require-trusted-types-for 'script'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}
HEADERS = [(name.encode(), value.encode()) for name, value in _SECURITY.items()]
_log = structlog.get_logger("lbdisc.web")


@dataclass(frozen=True, slots=True)
class PageRefusal:
    """``status`` of the answer, and one line that says why and what would be right.

    ``retry_s`` is in how many seconds it may be another one, 0 if that is not known.
    """

    status: int
    text: str
    retry_s: int = 0


class PageGate:
    """``token`` is ``""`` where none is set; ``names`` are taken beside IP addresses."""

    def __init__(self, *, token: str, open_to_read: bool, names: frozenset[str]) -> None:
        self._token = token.encode()
        self.open_to_read = open_to_read
        self._names = names | {"localhost"}
        self._last: dict[str, float] = {}
        self._wrong = WrongTokens()

    def refusal(self, headers: Mapping[str, str], *, navigates: bool) -> PageRefusal | None:
        """Of any request, by its ``headers`` in lower case; ``None`` if it may go on.

        A page of another site can reach loopback through a name of its own (DNS rebinding), or
        have the browser ask for it.
        """
        host = headers.get("host", "")
        if not self._is_ours(host):
            right = "ask by IP address or localhost, or set web.names"
            name = shown(self._blanked(host))
            return self._refuse(421, f"not served under the name {name}: {right}")
        if headers.get("sec-fetch-site") == "cross-site" and not navigates:
            return self._refuse(403, "asked for by another site: open the page itself")
        return None

    def unread(self, headers: Mapping[str, str], asker: str) -> PageRefusal | None:
        """Of a request for what the page shows; ``asker`` is the address that it comes from."""
        return None if self.open_to_read else self.unproven(headers, asker)

    def unproven(self, headers: Mapping[str, str], asker: str) -> PageRefusal | None:
        """Of a request that needs the token."""
        if not self._token:
            return PageRefusal(403, "read-only: set web.token or web.token_file for actions")
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if not given:
            return PageRefusal(401, "the token is needed: Authorization: Bearer TOKEN")
        if wait := math.ceil(self._wrong.wait(asker)):
            text = f"too many wrong tokens from {asker}: ask again in {wait} s"
            return self._refuse(429, text, retry_s=wait)
        proven = hmac.compare_digest(given.strip().encode(), self._token)
        if scheme.lower() != "bearer" or not proven:
            self._wrong.add(asker, given.encode())
            return self._refuse(401, "wrong token")
        return None

    def holds_token(self, text: str) -> bool:
        """Whether the token stands in what is to be kept and shown."""
        return bool(self._token) and self._token.decode() in text

    def _blanked(self, text: str) -> str:
        """``text`` for log and answer, should somebody have put the token there."""
        if not self._token:
            return text
        return re.sub(re.escape(self._token.decode()), "***", text, flags=re.IGNORECASE)

    def _is_ours(self, host: str) -> bool:
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name.lower().rstrip(".") in self._names:
            return True
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True

    def _refuse(self, status: int, text: str, *, retry_s: int = 0) -> PageRefusal:
        now = time.monotonic()
        if now - self._last.get(text[:20], -QUIET) >= QUIET:
            self._last[text[:20]] = now
            _log.warning("request refused", why=text)
        return PageRefusal(status, text, retry_s)
