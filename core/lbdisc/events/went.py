"""How an entry of a registry went, in words: no more than anybody can know."""

from collections.abc import Mapping
from typing import Any

from lbdisc.times import clock

# Where nothing is known of a lease: how one that went without draining may have gone.
VANISHED = {
    "etcd": "its lease ended, or its entry was deleted",
    "zookeeper": "its session ended, or its entry was deleted",
    "serf": "the cluster took it for failed",
    "file": "its time to live was over, or its folder went",
    "doozer": "its heartbeats ended, or its entry was deleted",
}
_ENDED = {"expired": "ended", "failed": "failed", "left": "left"}


def gone(lease: Mapping[str, Any] | None, source: str, seen_s: float) -> str:
    """Of an entry that went without draining; ``lease`` as in news, that were ``seen_s`` then.

    ``its lease 1f ended (good for 10 s, no renewal after 14:02:01), or its entry was deleted``
    """
    if lease is None:
        return VANISHED.get(source, "as the registry says")
    by, end = lease.get("by", ""), lease.get("end", "")
    if not by:
        return "its entry, which has no lease, was deleted"
    if end == "deleted":
        return f"its entry was deleted ({by})"
    doubt = "" if end else ", or its entry was deleted"
    return f"its {by} {_ENDED.get(end, 'ended')}{_renewed(lease, seen_s)}{doubt}"


def _renewed(lease: Mapping[str, Any], seen_s: float) -> str:
    """One that has ended was renewed its whole time before, at the latest."""
    ttl_s, renewed_s = lease.get("ttl_s"), lease.get("renewed_s")
    told = [] if ttl_s is None else [f"good for {ttl_s:g} s"]
    if renewed_s is not None:
        told.append(f"last renewal seen {clock(renewed_s)}")
    elif ttl_s is not None:
        told.append(f"no renewal after {clock(seen_s - ttl_s)}")
    return f" ({', '.join(told)})" if told else ""


def lives_by(lease: Mapping[str, Any]) -> str:
    """``lease 694d97a1, good for 10 s``."""
    ttl = f", good for {lease['ttl_s']:g} s" if lease.get("ttl_s") is not None else ""
    return f"{lease.get('by') or 'no lease'}{ttl}"


def lease_in(news: Mapping[str, Any], key: tuple[str, str]) -> Mapping[str, Any] | None:
    """What ``news`` say of the lease of that service and name, if anything."""
    leases = news.get("leases", ())
    for lease in leases if isinstance(leases, list | tuple) else ():
        if (lease.get("service"), lease.get("name")) == key:
            found: Mapping[str, Any] = lease
            return found
    return None
