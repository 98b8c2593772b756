"""A server of doozer's protocol for tests: our own, not doozerd, which no distribution has.

It knows what clients can see: revisions, writes by compare-and-set, waits, globs, directories, a
history that ends, secrets. It is one process with all in memory and has no consensus. ``doozerd``
takes its place wherever that is asked for and on the PATH.
"""

from lbdisc_lab.servers.doozer.registry import DoozerServer, start

__all__ = ["DoozerServer", "start"]
