"""Envoy's files: how it is started, and the endpoints that it reads when their file is moved."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lbdisc_compare.contenders.outside.deployment import SERVE_PORT

CLUSTER = "nodes"
TYPES = "type.googleapis.com/envoy"
IDEMPOTENT = r"GET|HEAD|OPTIONS"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvoyEndpoint:
    """``weight`` is 0 to 256; 0 drains."""

    address: str
    port: int
    weight: int = 100
    draining: bool = False


def endpoints(nodes: Mapping[str, EnvoyEndpoint], version: int) -> str:
    """The file of endpoints (EDS) with these nodes."""
    assignment = {
        "@type": f"{TYPES}.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": CLUSTER,
        "endpoints": [{"lb_endpoints": [_endpoint(name, at) for name, at in nodes.items()]}],
    }
    return json.dumps({"version_info": str(version), "resources": [assignment]})


def _endpoint(name: str, node: EnvoyEndpoint) -> dict[str, Any]:
    draining = node.draining or node.weight == 0
    return {
        "endpoint": {"hostname": name, "address": _address(node.address, node.port)},
        "health_status": "DRAINING" if draining else "HEALTHY",
        "load_balancing_weight": max(node.weight, 1),
    }


def _address(address: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": address, "port_value": port}}


def bootstrap(address: str, folder: Path, *, checks: bool) -> str:
    """Envoy's own file, for a balancer at ``address`` with its files in ``folder``."""
    return json.dumps(
        {
            "node": {"id": folder.name, "cluster": "balancers"},
            "admin": {"address": {"pipe": {"path": str(folder / "admin.sock")}}},
            "static_resources": {
                "listeners": [_listener(address)],
                "clusters": [_cluster(folder / "eds.json", checks=checks)],
            },
        }
    )


def _listener(address: str) -> dict[str, Any]:
    manager = {
        "@type": f"{TYPES}.extensions.filters.network.http_connection_manager.v3"
        ".HttpConnectionManager",
        "stat_prefix": "localnodes",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": _routes()}]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{TYPES}.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    chain = {
        "filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
        ]
    }
    return {
        "name": "localnodes",
        "address": _address(address, SERVE_PORT),
        "filter_chains": [chain],
    }


def _routes() -> list[dict[str, Any]]:
    """Only what may be repeated is repeated after it was sent (RFC 9110, 9.2.1)."""
    safe = {
        "prefix": "/",
        "headers": [{"name": ":method", "string_match": {"safe_regex": {"regex": IDEMPOTENT}}}],
    }
    unsent = "connect-failure,reset-before-request"
    return [
        {"match": safe, "route": _route(f"{unsent},reset")},
        {"match": {"prefix": "/"}, "route": _route(unsent)},
    ]


def _route(retry_on: str) -> dict[str, Any]:
    elsewhere = {
        "name": "envoy.retry_host_predicates.previous_hosts",
        "typed_config": {
            "@type": f"{TYPES}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
        },
    }
    return {
        "cluster": CLUSTER,
        "timeout": "0s",
        "retry_policy": {
            "retry_on": retry_on,
            "num_retries": 3,
            "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.05s"},
            "retry_host_predicate": [elsewhere],
            "host_selection_retry_max_attempts": 5,
        },
    }


CHECKS: dict[str, Any] = {
    "health_checks": [
        {
            "timeout": "2s",
            # HAProxy asks again after 200 ms once a check failed; Envoy only in its interval.
            "interval": "0.5s",
            "no_traffic_interval": "0.5s",
            "unhealthy_interval": "1s",
            "unhealthy_edge_interval": "0.2s",
            "unhealthy_threshold": 3,
            "healthy_threshold": 2,
            "http_health_check": {"path": "/", "method": "HEAD"},
        }
    ],
    # As HAProxy's "observe layer4 error-limit 1": one failed connection is enough.
    "outlier_detection": {
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 1,
        "enforcing_consecutive_local_origin_failure": 100,
        "enforcing_consecutive_5xx": 0,
        "enforcing_success_rate": 0,
        "enforcing_local_origin_success_rate": 0,
        "interval": "0.2s",
        "base_ejection_time": "1s",
        "max_ejection_percent": 100,
    },
}


def _cluster(eds: Path, *, checks: bool) -> dict[str, Any]:
    source = {"path_config_source": {"path": str(eds)}, "resource_api_version": "V3"}
    cluster = {
        "name": CLUSTER,
        "type": "EDS",
        "connect_timeout": "5s",
        "lb_policy": "ROUND_ROBIN",
        # Else a node that was taken out stays for as long as its checks pass.
        "ignore_health_on_host_removal": True,
        # Else what changes within a second of another change waits until it is over.
        "common_lb_config": {"update_merge_window": "0s"},
        "eds_cluster_config": {"service_name": CLUSTER, "eds_config": source},
    }
    return {**cluster, **(CHECKS if checks else {})}


def write_endpoints(file: Path, nodes: Mapping[str, EnvoyEndpoint], version: int) -> None:
    """Move the new file into place: Envoy watches for just that."""
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_text(endpoints(nodes, version))
    fresh.rename(file)
