"""lbdisc on doozer: revisions, waits and heartbeats."""
