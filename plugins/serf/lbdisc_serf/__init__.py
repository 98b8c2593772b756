"""lbdisc on Serf: gossip membership."""
