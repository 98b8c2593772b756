"""All that is measured."""

from lbdisc_compare.measures.churn import Churn
from lbdisc_compare.measures.cost import Cost
from lbdisc_compare.measures.crashes import Crashes, cut_off
from lbdisc_compare.measures.joins import Joins
from lbdisc_compare.measures.measure import Measure
from lbdisc_compare.measures.needs import Needs
from lbdisc_compare.measures.outages import HalfLost, LeaderKilled, RegistryAway
from lbdisc_compare.measures.partitions import Partitions
from lbdisc_compare.measures.removals import HealthyRemoved
from lbdisc_compare.measures.starting import FullRead, Starting
from lbdisc_compare.simulation.validation import BesideReal


def all_measures() -> tuple[Measure, ...]:
    """In the order in which a report shows them."""
    return (
        Joins(),
        Starting(),
        FullRead(entries=1_000, times=3, quickly=1),
        FullRead(entries=10_000, times=2, quickly=0),
        Crashes(),
        cut_off(),
        HealthyRemoved(),
        LeaderKilled(),
        RegistryAway(),
        HalfLost(),
        Churn(),
        Partitions(),
        Cost(),
        Needs(),
        BesideReal(),
    )
