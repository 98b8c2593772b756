"""What is known of ways and measures beside the samples; what is not, is shown all the same."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

from lbdisc_compare.contenders.contender import Contender, Promises
from lbdisc_compare.measures.measure import Figure, Measure, Section
from lbdisc_compare.report.naming import short


@dataclass(frozen=True, slots=True, kw_only=True)
class WayKnown:
    """A way, as its contender describes it."""

    name: str
    title: str
    family: Literal["lbdisc", "outsider"]
    promises: Promises | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def short(self) -> str:
        """The title for a narrow column."""
        return short(self.name, self.title)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureKnown:
    """A measure, as it describes itself; ``section`` is empty for one that is not known."""

    name: str
    title: str
    section: Section | Literal[""]
    figures: Mapping[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogues:
    """The catalogues, by name."""

    ways: Mapping[str, WayKnown]
    measures: Mapping[str, MeasureKnown]

    @classmethod
    def of(cls, contenders: Iterable[Contender], measures: Iterable[Measure]) -> Self:
        return cls(
            ways={one.name: _way(one) for one in contenders},
            measures={one.name: _measure(one) for one in measures},
        )

    @classmethod
    def catalogued(cls) -> Self:
        """All that this version can compare."""
        from lbdisc_compare.contenders.catalogue import all_contenders
        from lbdisc_compare.measures.catalogue import all_measures

        return cls.of(all_contenders(), all_measures())

    def way(self, name: str) -> WayKnown:
        return self.ways.get(name) or WayKnown(name=name, title=name, family="outsider")

    def measure(self, name: str) -> MeasureKnown:
        return self.measures.get(name) or MeasureKnown(name=name, title=name, section="")

    def figure(self, measure: str, name: str, unit: str = "") -> Figure:
        known = self.measure(measure).figures.get(name)
        return known or Figure(name=name, title=name, unit=unit, better="none")


def _way(one: Contender) -> WayKnown:
    return WayKnown(
        name=one.name,
        title=one.title,
        family=one.family,
        promises=one.promises,
        settings=one.settings,
    )


def _measure(one: Measure) -> MeasureKnown:
    return MeasureKnown(
        name=one.name,
        title=one.title,
        section=one.section,
        figures={figure.name: figure for figure in one.figures},
    )
