"""Gossip, leases and polls beyond this machine."""
