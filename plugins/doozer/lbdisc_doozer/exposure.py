"""Saying what doozer leaves open."""

import structlog

from lbdisc.addresses import is_loopback
from lbdisc_doozer.settings import DoozerSettings

_log = structlog.get_logger("lbdisc.doozer")


def warn_of_plaintext(settings: DoozerSettings) -> None:
    """Say it when the secret can be read on the way: doozer knows no encryption."""
    exposed = [str(place) for place in settings.places if not is_loopback(place.host)]
    if settings.secret is not None and exposed:
        _log.warning("doozer.secret travels unencrypted, as doozer has no TLS", servers=exposed)
