"""All ways that can be compared."""

from lbdisc_compare.contenders.contender import Contender
from lbdisc_compare.contenders.lbdisc_ways import LBDISC_WAYS
from lbdisc_compare.contenders.outside.ways import outsiders

# A family stands for its member that a user would begin with.
ALIASES = {"serf": "serf-lan"}


def all_contenders() -> tuple[Contender, ...]:
    """In the order in which a report shows them."""
    return (*LBDISC_WAYS, *outsiders())
