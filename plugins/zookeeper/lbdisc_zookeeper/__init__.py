"""lbdisc on ZooKeeper: ephemeral nodes."""
