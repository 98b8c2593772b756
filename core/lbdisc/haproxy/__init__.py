"""What lbdisc knows about HAProxy: its sockets, its configuration text, its process.

``text`` and ``servers`` model a rendered configuration, ``plan`` compares two of them; both are
pure. ``commands``, ``rows``, ``socket`` and ``master`` speak with a running HAProxy, ``process``
starts and adopts one, ``health_file`` and ``binds`` make a reload harmless.
"""
