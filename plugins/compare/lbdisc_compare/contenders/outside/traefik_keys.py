"""Traefik's keys in etcd, and its own file."""

import json
from collections.abc import Mapping, Sequence

from lbdisc_compare.contenders.outside.deployment import SERVE_PORT

ROOT = "traefik"
SERVICE = "nodes"
API_PORT = 8081
BALANCER = f"{ROOT}/http/services/{SERVICE}/loadBalancer"
CHECKS = {
    f"{BALANCER}/healthCheck/path": "/",
    f"{BALANCER}/healthCheck/method": "HEAD",
    f"{BALANCER}/healthCheck/interval": "1s",
    f"{BALANCER}/healthCheck/unhealthyInterval": "1s",
    f"{BALANCER}/healthCheck/timeout": "2s",
    # As HAProxy's "observe layer4 error-limit 1": one failed request is enough.
    f"{BALANCER}/passiveHealthCheck/failureWindow": "1s",
    f"{BALANCER}/passiveHealthCheck/maxFailedAttempts": "1",
}
ROUTER = {
    f"{ROOT}/http/routers/{SERVICE}/rule": "PathPrefix(`/`)",
    f"{ROOT}/http/routers/{SERVICE}/entryPoints/0": "web",
    f"{ROOT}/http/routers/{SERVICE}/service": SERVICE,
    f"{ROOT}/http/routers/{SERVICE}/middlewares/0": "again",
    f"{ROOT}/http/middlewares/again/retry/attempts": "3",
}


def static_file(address: str, etcd: Sequence[str]) -> str:
    """Traefik's own file, for a balancer at ``address``; ``etcd`` are ``host:port``. YAML is it."""
    return json.dumps(
        {
            "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
            "log": {"level": "WARN"},
            "api": {"insecure": True},
            "entryPoints": {
                "web": {"address": f"{address}:{SERVE_PORT}"},
                "traefik": {"address": f"{address}:{API_PORT}"},
            },
            "providers": {
                "providersThrottleDuration": "1ms",
                "etcd": {"endpoints": list(etcd), "rootKey": ROOT},
            },
        }
    )


def common_keys(*, checks: bool) -> Mapping[str, str]:
    """What is there without any node: how it is routed, checked and repeated."""
    return {**ROUTER, **(CHECKS if checks else {})}


def node_keys(name: str, place: tuple[str, int], weight: int = 100) -> Mapping[str, str]:
    """The keys of one node."""
    address, port = place
    return {
        f"{under(name)}url": node_url((address, port)),
        f"{under(name)}weight": str(weight),
    }


def under(name: str) -> str:
    """What all keys of the node begin with."""
    return f"{BALANCER}/servers/{name}/"


def node_url(place: tuple[str, int]) -> str:
    return f"http://{place[0]}:{place[1]}"
