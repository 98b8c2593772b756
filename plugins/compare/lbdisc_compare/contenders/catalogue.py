"""All ways that can be compared."""

from lbdisc_compare.contenders.contender import Contender

# A family stands for its member that a user would begin with.
ALIASES = {"serf": "serf-lan"}


def all_contenders() -> tuple[Contender, ...]:
    """In the order in which a report shows them."""
    return ()
