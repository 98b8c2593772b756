"""The chart that says most, as pictures that stand alone, one for each scheme of colours."""

from collections.abc import Mapping

from lbdisc_compare.report.charts.canvas import DARK, LIGHT, fixed
from lbdisc_compare.report.page import Report
from lbdisc_compare.report.rules import anchor

BEST = anchor("join", "join_served")


def pictures(report: Report) -> Mapping[str, str]:
    """By file name; none where nothing was measured. It is the join, or else the first chart."""
    plates = [one for chapter in report.chapters for one in chapter.plates if one.charts]
    if not plates:
        return {}
    best = next((one for one in plates if one.anchor == BEST), plates[0])
    return {
        "picture-light.svg": fixed(best.charts[0], LIGHT),
        "picture-dark.svg": fixed(best.charts[0], DARK),
    }
