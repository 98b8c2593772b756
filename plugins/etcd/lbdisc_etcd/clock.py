"""A member's clock, by the header ``Date`` of what it answers over HTTP; nothing is written.

The port for clients speaks HTTP beside gRPC. ``/version`` asks for no login, and Go's net/http puts
the server's time into each answer, in whole seconds.
"""

import ssl
import time
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection

from lbdisc.errors import LbdiscError
from lbdisc.examining import Diagnosis, ok
from lbdisc.skew import Skew, compared
from lbdisc_etcd.settings import EtcdMember, EtcdSettings
from lbdisc_etcd.tls import files_of

RESOLUTION = 1.0  # seconds of a ``Date``
# The lessor adds up time that passes (lease/lessor.go; Go's times have a monotonic part).
TOUCHES = "leases do not depend on it, certificates and what logs say do"


def clock_of(member: EtcdMember, settings: EtcdSettings, *, patience: float) -> Diagnosis:
    """How it stands to ours; that it cannot be told, where it cannot. ``patience`` in seconds."""
    try:
        return compared(skew_of(member, settings, patience=patience), "its clock", touches=TOUCHES)
    except (OSError, HTTPException, ValueError, TypeError, LbdiscError) as error:
        return ok(f"its clock is not compared: no time over HTTP ({_words(error)}); {TOUCHES}")


def skew_of(member: EtcdMember, settings: EtcdSettings, *, patience: float) -> Skew:
    """Raises ``OSError``, ``HTTPException``, ``LbdiscError``; ``ValueError``, ``TypeError``."""
    connection = _connection(member, settings, patience)
    try:
        connection.connect()  # how long that takes says nothing of when the answer was written
        asked_s, began = time.time(), time.monotonic()
        connection.request("GET", "/version")
        said = connection.getresponse().getheader("Date", "")
        took = time.monotonic() - began
    finally:
        connection.close()
    said_s = parsedate_to_datetime(said).timestamp()
    return Skew.seen(said_s, resolution=RESOLUTION, asked_s=asked_s, took=took)


def _connection(member: EtcdMember, settings: EtcdSettings, patience: float) -> HTTPConnection:
    if not member.secure:
        return HTTPConnection(member.host, member.port, timeout=patience)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    files_of(settings).current().load_into(context)
    return HTTPSConnection(member.host, member.port, timeout=patience, context=context)


def _words(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
