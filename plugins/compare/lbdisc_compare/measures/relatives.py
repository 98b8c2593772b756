"""Ways that are left out of a measure because a relative shows the same there.

Only where nobody names the ways: ``--ways etcd`` measures everything of etcd.
"""

from collections.abc import Mapping

THREE = "three members show what one does, and more"
PACE = "it differs in what a single change costs alone"
PROFILE = "another profile of the same protocol"
TUNED = "the same with tuned settings"
MEMBERS = "of a node's crash the number of servers shows nothing"

_FAULTS = {
    "etcd": ("etcd-3", THREE),
    "zookeeper": ("zookeeper-3", THREE),
    "serf-local": ("serf-lan", PROFILE),
    "serf-wan": ("serf-lan", PROFILE),
    "etcd-reload": ("etcd-3", PACE),
    "dns": ("dns-tuned", TUNED),
}
_CRASHES = {
    "etcd-3": ("etcd", MEMBERS),
    "zookeeper-3": ("zookeeper", MEMBERS),
    "etcd-reload": ("etcd", PACE),
}
_PROFILES = {name: why for name, why in _FAULTS.items() if name.startswith("serf-")}
_PACES = {"etcd-reload": ("etcd", PACE), "dns": ("dns-tuned", TUNED)}
_LEFT_OUT: Mapping[str, Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys(("removals", "leader", "away", "half", "churn", "partition"), _FAULTS),
    "crash": _CRASHES,
    "cut": {**_CRASHES, **_PROFILES, **_PACES},
    "cost": _PACES,
    "needs": {**_PROFILES, **_PACES},
    "validate": {"serf-local": ("serf-lan", PROFILE)},
}


def left_out(way: str, measure: str) -> str:
    """Why the way is left out of the measure, naming who stands for it; empty: it is measured."""
    relative, why = _LEFT_OUT.get(measure, {}).get(way, ("", ""))
    return f"see {relative}: {why} (--ways {way} measures it)" if relative else ""
