"""Beyond this machine: gossip, leases, sessions, heartbeats and polls, simulated.

``curves`` gives every point; nothing in it was measured, and none of it is mixed with what was.
``possible_nodes`` says where the machine ends.
"""

from lbdisc_compare.simulation.curves import curves
from lbdisc_compare.simulation.possible import possible_nodes

__all__ = ["curves", "possible_nodes"]
