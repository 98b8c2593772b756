"""What can go wrong with one request, sorted by what helps: another member, a login, an operator.

gRPC tells a status code and a text. ``sorted_failure`` is the one place that reads them; it knows
the codes by name, so that it needs no client.
"""

import re

MAX_TEXT = 200
NO_ANSWER = (
    "no answer in time: it has lost its leader, is overloaded, or this is not its port for clients"
)


class Failure(Exception):
    """One request to one member failed; the text is one line without secrets."""


class MemberUnreachable(Failure):
    """The member does not answer, or cannot now: ask another, or ask again."""


class Unconnected(MemberUnreachable):
    """No connection to the member came about: it has not been asked."""


class StaleLogin(Failure):
    """The token has ended, or roles have changed since: a new session logs in again."""


class NoLogins(Failure):
    """The cluster wants no login."""


class LeaseGone(Failure):
    """The lease has ended."""


class Compacted(Failure):
    """The revision asked for is forgotten, or of another history: read everything again."""


class Recovered(Failure):
    """A session made while the member starved: one of ordinary times finds it frozen sooner."""


class TooLarge(Failure):
    """The answer takes ``size`` bytes, more than we take in: it was not loaded. Ask for less."""

    def __init__(self, text: str, size: int) -> None:
        super().__init__(text)
        self.size = size


class NoWrites(Failure):
    """The whole cluster answers, but has raised an alarm: asking another member cannot help."""


class EtcdRefused(Failure):
    """Only an operator can help; the text names the setting to look at."""


class RefusedLogin(EtcdRefused):
    """The whole cluster refuses us: asking another member cannot help."""


class Denied(RefusedLogin):
    """The cluster knows us, and our roles do not give the right that this needs."""


_COMPACTED = re.compile(r"revision has been compacted|is a future revision")
_OLD_TOKEN = re.compile(
    r"revision of auth store is old|revision in header is old|invalid auth token"
)
_TOO_LARGE = re.compile(r"message larger than max \((?P<size>\d{1,18}) vs")
_NO_WRITES = re.compile(r"database space exceeded|corrupt cluster")
_UNTIMELY = re.compile(r"certificate (has expired|is not yet valid)")
_UNTRUSTED = re.compile(r"CERTIFICATE_VERIFY_FAILED: ?(?P<why>[^:]*)")
_OTHER_NAME = re.compile(
    r"Peer name \S+ is not in peer certificate|Hostname Verification|match SSL server name", re.I
)
_OLD_TLS = re.compile(r"PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL")
_OUR_CERTIFICATE = re.compile(r"TSI_DATA_CORRUPTED|ALERT_\w*CERTIFICATE|UNKNOWN_CA")
_CONNECTING = re.compile(r"^failed to connect to all addresses; last error: \w+: (ipv[46]:\S+: )?")


def sorted_failure(
    code: str,
    details: str,
    *,
    user: str,
    secure: bool,
    certified: bool = True,
    flaw: str = "",
    right: str = "",
) -> Failure:
    """The failure that a status ``code`` (``UNAVAILABLE``) with the text ``details`` means.

    ``certified``: we have a certificate; ``flaw`` is why it does not hold; ``right`` is what was
    needed, as ``etcdctl role grant-permission`` takes it.
    """
    text = one_line(_CONNECTING.sub("", details)) or code
    if said := _in_words(code, details, text, user=user, secure=secure, right=right):
        return said
    if code in ("INVALID_ARGUMENT", "FAILED_PRECONDITION"):
        return _login_failure(text, user) or MemberUnreachable(text)
    if code == "UNAVAILABLE":
        kind = Unconnected if _CONNECTING.match(details) else MemberUnreachable
        bad = _certificate_failure(details, certified=certified, flaw=flaw) if secure else None
        return bad or kind(_plain_words(details) or text + _other_scheme(details, secure=secure))
    if code == "UNIMPLEMENTED":
        return MemberUnreachable(f"{text}: no etcd v3 server, see etcd.endpoints")
    if code == "DEADLINE_EXCEEDED":
        return MemberUnreachable(NO_ANSWER)
    return MemberUnreachable(text if text != code else f"no answer ({code})")


def _in_words(
    code: str, details: str, text: str, *, user: str, secure: bool, right: str
) -> Failure | None:
    """What etcd or gRPC says of itself in the words of ``details``, whatever their code."""
    if secure and _OTHER_NAME.search(details):
        return EtcdRefused("the server's certificate is for another host, see etcd.endpoints")
    if _OLD_TOKEN.search(details) or code == "UNAUTHENTICATED":
        return StaleLogin(f"the login has ended ({text}): log in again, see etcd.user")
    if _COMPACTED.search(details):
        return Compacted(text)
    if code == "NOT_FOUND" and "lease" in details:
        return LeaseGone(text)
    if match := _TOO_LARGE.search(details):
        return TooLarge(f"an answer of {match['size']} bytes is too large", int(match["size"]))
    if _NO_WRITES.search(details):
        return NoWrites(f"etcd takes no writes ({text}), see etcdctl alarm list")
    if code == "PERMISSION_DENIED" or "permission denied" in details:
        return _denied(user, right)
    if "authentication is not enabled" in details:
        return NoLogins(text)
    return None


def _denied(user: str, right: str) -> Denied:
    """The cluster knows us and does not let us."""
    who = f"user {user!r} (etcd.user) has"
    if not user:
        who = "without etcd.user, by etcd.cert_file alone, we have"
    return Denied(
        f"{who} no permission for {right or 'that'}: "
        f"etcdctl role grant-permission ROLE {right or 'read /lbdisc/ --prefix'} (see etcd.prefix)"
    )


def _login_failure(text: str, user: str) -> RefusedLogin | None:
    if "user name is empty" in text:
        return RefusedLogin("the cluster wants a login: set etcd.user and etcd.password")
    if "authentication failed" in text or "user name not found" in text:
        return RefusedLogin(f"the cluster refuses etcd.user {user!r} with this etcd.password")
    return None


def _certificate_failure(details: str, *, certified: bool, flaw: str) -> EtcdRefused | None:
    if match := _UNTIMELY.search(details):
        return EtcdRefused(
            f"the server's certificate {match[1]}: renew it there, or set this host's clock "
            "(etcd.endpoints)"
        )
    if match := _UNTRUSTED.search(details):
        why = one_line(match["why"])
        return EtcdRefused(f"the server's certificate is not trusted ({why}), see etcd.ca_file")
    if _OLD_TLS.search(details):
        return EtcdRefused("the server speaks no TLS 1.2 or newer (etcd.endpoints)")
    if _OUR_CERTIFICATE.search(details):
        if not certified:
            return EtcdRefused(
                "the server wants a certificate: set etcd.cert_file and etcd.key_file"
            )
        return EtcdRefused(
            "the server refuses our certificate, see etcd.cert_file and etcd.key_file"
            + (f" ({flaw})" if flaw else "")
        )
    return None


def _plain_words(details: str) -> str:
    """What some texts of gRPC and etcd mean."""
    if "no leader" in details:
        return "it has no leader: its cluster has no majority (see its log)"
    if "Failed parsing HTTP/2" in details:
        return "it is no etcd, it does not speak HTTP/2"
    if "before receiving SETTINGS" in details:
        return "it took the connection and says nothing: frozen, overloaded, or no etcd"
    return ""


def _other_scheme(details: str, *, secure: bool) -> str:
    if not (_CONNECTING.match(details) and "Socket closed" in details):
        return ""
    return f" (does it want {'http' if secure else 'https'}:// in etcd.endpoints?)"


def one_line(text: str) -> str:
    """``text`` as it may stand in a message: printable, on one line, cut."""
    flat = " ".join(text.split())
    shown = "".join(sign if sign.isprintable() else "?" for sign in flat)
    return shown if len(shown) <= MAX_TEXT else f"{shown[: MAX_TEXT - 3]}..."
