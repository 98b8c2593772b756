"""The hooks of lbdisc-etcd."""
