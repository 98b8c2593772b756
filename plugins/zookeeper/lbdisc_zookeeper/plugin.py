"""The hooks of lbdisc-zookeeper."""
