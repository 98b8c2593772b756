"""lbdisc on etcd: leases and watches."""
