"""Real etcd clusters: any number of members, TLS, logins, and faults."""

from lbdisc_lab.servers.etcd.registry import Registry, start

__all__ = ["Registry", "start"]
