"""A server that stays and gets another address. Pure."""

from lbdisc.haproxy.language.model import Section
from lbdisc.haproxy.planning.proxies import is_http
from lbdisc.haproxy.planning.servers import Spec, Unfit
from lbdisc.haproxy.versions import Features


def moved(old: Spec, new: Spec) -> bool:
    return (old.host, old.port) != (new.host, new.port)


def waits_for_quiet(old: Spec, new: Spec, section: Section, features: Features) -> bool:
    """Whether ``old`` may move to where ``new`` is only while it has no connection in use.

    Raises ``Unfit`` where it may not move at run time. HAProxy closes idle connections when a
    server moves. Those that a request is using at that moment come back into the pool, those that
    belong to a client's session (``http-reuse never``) stay with it, and over both further requests
    reach the old address for as long as clients keep coming, unless HAProxy looks connections up by
    their address too (measured on 2.6.12, http/1 and http/2, in every mode of ``http-reuse``). In
    mode tcp the sessions that run stay where they are, as they do at a reload.
    """
    where = f"server {new.proxy}/{new.name}"
    if not (old.is_ip and new.is_ip and old.port and new.port):
        raise Unfit(f"{where}: only IP address and port can change at run time")
    if keyword := new.has("resolvers", "ssl", "check-ssl", "init-state"):
        raise Unfit(f"{where}: with {keyword!r} a new address needs a reload")
    if features.pools_by_address or not _keeps_connections(old, section):
        return False
    if not old.disabled:
        raise Unfit(f"{where}: connections to its old address would be used on")
    return True


def _keeps_connections(spec: Spec, section: Section) -> bool:
    """Whether a connection to the server may serve another request."""
    if not is_http(section):
        return False
    if spec.options.get("proto", ("h1",)) != ("h1",) or spec.has("ws", "alpn"):
        return True
    lines = (line.words for line in section.effective)
    said = [words for words in lines if words[:1] == ("option",) or words[:2] == ("no", "option")]
    modes = {"http-server-close", "httpclose", "http-keep-alive"}
    its = [words for words in said if modes & set(words)]
    return not its or its[-1][0] == "no" or "http-keep-alive" in its[-1]
