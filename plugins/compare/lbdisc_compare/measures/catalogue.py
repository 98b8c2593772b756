"""All that is measured."""

from lbdisc_compare.measures.joins import Joins
from lbdisc_compare.measures.measure import Measure


def all_measures() -> tuple[Measure, ...]:
    """In the order in which a report shows them."""
    return (Joins(),)
