"""Real etcd clusters: any number of members, TLS, logins, and faults."""

from lbdisc_lab.servers.etcd.registry import EtcdCluster, start

__all__ = ["EtcdCluster", "start"]
