"""What lbdisc knows about HAProxy: its sockets, its configuration text, its process.

``language`` models a rendered configuration, ``planning`` compares two of them; both are pure.
``sockets`` speaks with a running HAProxy. The three know nothing of the rest of lbdisc. ``process``
checks, starts and adopts the program; ``reloader`` puts all of it together.
"""
