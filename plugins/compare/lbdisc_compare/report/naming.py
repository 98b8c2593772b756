"""Names and reasons for narrow columns; the whole ones stand beside them or where they link to."""

from collections.abc import Sequence

from lbdisc_compare.report.series import Series

SHORT = {
    "file": "Folder of files",
    "serf-local": "Serf local",
    "serf-lan": "Serf lan",
    "serf-wan": "Serf wan",
    "etcd": "etcd",
    "etcd-3": "etcd ×3",
    "zookeeper": "ZooKeeper",
    "zookeeper-3": "ZooKeeper ×3",
    "doozer": "doozer",
    "etcd-reload": "etcd, reloads",
    "dns": "DNS",
    "dns-tuned": "DNS, tuned",
    "traefik": "Traefik, etcd",
    "envoy": "Envoy, file",
    "confd": "confd, etcd",
    "consul-template": "consul-template",
    "lab": "Lab’s scripts",
}
SWITCHES = frozenset({"on", "off"})


def short(name: str, title: str) -> str:
    """What a way is called where there is little room; its title without the agent if unknown."""
    return SHORT.get(name) or title.removeprefix("lbdisc, ")


def worst_of(worst: Series, found: Sequence[Series]) -> str:
    """``worst: frozen``: what sets it apart from the others; empty where nothing does."""
    alike = set(worst.where).intersection(*(one.where for one in found))
    apart = [(name, value) for name, value in worst.where if (name, value) not in alike]
    words = (
        value if value.isalpha() and value not in SWITCHES else f"{name} {value}"
        for name, value in apart
    )
    told = ", ".join(words)
    return f"worst: {told}" if told else ""
