"""Beyond this machine: gossip, leases, sessions, heartbeats and polls, simulated.

``curves`` gives every point; nothing here was measured, and none of it is mixed with what was.
"""

from lbdisc_compare.simulation.curves import curves

__all__ = ["curves"]
