"""All that is measured."""

from lbdisc_compare.measures.churn import Churn
from lbdisc_compare.measures.measure import Measure
from lbdisc_compare.measures.outages import HalfLost, LeaderKilled, RegistryAway
from lbdisc_compare.measures.removals import WrongRemovals


def all_measures() -> tuple[Measure, ...]:
    """In the order in which a report shows them."""
    return (WrongRemovals(), LeaderKilled(), RegistryAway(), HalfLost(), Churn())
