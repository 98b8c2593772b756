"""What is answered at which path, and to whom."""

import hmac
from http import HTTPStatus

from pydantic import SecretStr

from lbdisc.secret_files import current
from lbdisc_metrics.asking import METHODS, ScrapeReply, ScrapeRequest
from lbdisc_metrics.measuring import Measured, wanted

PATHS = ("/metrics", "/livez", "/readyz")
_BEARER = "bearer "


class Answering:
    """Answers of ``measured``: the metrics to who has the ``token`` if there is one.

    Who has not is told whether it lives and is ready, and not why.
    """

    def __init__(self, measured: Measured, token: SecretStr | None) -> None:
        self._measured = measured
        self._health = measured.health
        self._token = token

    def __call__(self, asked: ScrapeRequest) -> ScrapeReply:
        """The reply to ``asked``; whatever its Host says, it came to this door."""
        if asked.path not in PATHS:
            return ScrapeReply.line(HTTPStatus.NOT_FOUND, f"there are {', '.join(PATHS)}")
        if asked.method not in METHODS:
            return ScrapeReply.line(
                HTTPStatus.METHOD_NOT_ALLOWED, "", f"Allow: {', '.join(METHODS)}"
            )
        allowed = self._may(asked.headers.get("authorization", ""))
        if asked.path == "/livez":
            return _word(self._health.alive, allowed)
        if asked.path == "/readyz":
            return _word(self._health.ready, allowed)
        if not allowed:
            return ScrapeReply.line(HTTPStatus.UNAUTHORIZED, "", "WWW-Authenticate: Bearer")
        kind = wanted(asked.headers.get("accept", ""))
        return ScrapeReply(HTTPStatus.OK, self._measured.text(kind), kind)

    def _may(self, said: str) -> bool:
        """Compared in a time that tells nothing of where they differ."""
        if self._token is None:
            return True
        given = said[len(_BEARER) :].strip() if said[: len(_BEARER)].lower() == _BEARER else ""
        token = current(self._token).strip()
        return hmac.compare_digest(given.encode("latin-1"), token.encode())


def _word(wrong: str, tells: bool) -> ScrapeReply:
    if not wrong:
        return ScrapeReply.line(HTTPStatus.OK, "ok")
    return ScrapeReply.line(HTTPStatus.SERVICE_UNAVAILABLE, wrong if tells else "not ok")
