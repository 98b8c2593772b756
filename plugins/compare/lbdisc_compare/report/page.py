"""The report as one page of HTML: no script, nothing from any network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2

from lbdisc_compare.report.beyond import Beyond, beyond
from lbdisc_compare.report.charts.canvas import DARK, FONTS, LIGHT, harmless
from lbdisc_compare.report.charts.tidying import classed
from lbdisc_compare.report.choosing import QUESTIONS, Advice, answers
from lbdisc_compare.report.headline import headline, leaders, progress
from lbdisc_compare.report.known import Catalogues
from lbdisc_compare.report.outgrowing import Outgrown, outgrown
from lbdisc_compare.report.outline import HOW, outline
from lbdisc_compare.report.plates import NOUNS, SECTIONS, Chapter, chapters
from lbdisc_compare.report.ranking import Duel, duels
from lbdisc_compare.report.reading import SamplesRead
from lbdisc_compare.report.reasons import RULES_TOLD as BEHIND
from lbdisc_compare.report.rules import Verdicts, WayVerdict, anchor, verdicts
from lbdisc_compare.report.series import Series, all_series
from lbdisc_compare.report.surprises import RULES_TOLD, Surprise, surprises
from lbdisc_compare.report.validating import CLOSE, Validation, validations
from lbdisc_compare.report.wording import brief, told
from lbdisc_compare.running.busyness import BUSY

TEMPLATES = Path(__file__).parent / "templates"
SIGNS: Mapping[str, str] = {
    "good": "●",
    "fair": "◐",
    "poor": "○",
    "busy": "?",
    "related": "↗",
    "absent": "–",
}
FAMILIES = {"lbdisc": "lbdisc, on its registries", "outsider": "The alternatives"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that page, summary and table show."""

    reading: SamplesRead
    known: Catalogues
    series: tuple[Series, ...]
    verdicts: Verdicts
    chapters: tuple[Chapter, ...]
    answers: tuple[Advice, ...]
    duels: tuple[Duel, ...]
    surprises: tuple[Surprise, ...]
    beyond: tuple[Beyond, ...]
    outgrown: tuple[Outgrown, ...]
    validations: tuple[Validation, ...]
    raw: str  # the name of the file of samples

    @property
    def headline(self) -> str:
        """The answer in one line; of a run that did not end, so far."""
        said = headline(self.verdicts, self.known)
        return f"So far, {said}" if self.progress and leaders(self.verdicts) else said

    @property
    def progress(self) -> str:
        """How far a run came that did not end."""
        return progress(self.reading, self.verdicts)

    @property
    def groups(self) -> list[tuple[str, list[str]]]:
        """The ways by family, each under its heading."""
        found = [
            (title, [way for way in self.verdicts.ways if self.known.way(way).family == family])
            for family, title in FAMILIES.items()
        ]
        return [one for one in found if one[1]]

    @property
    def when(self) -> str:
        """The day and minute, in UTC."""
        header = self.reading.header
        if header is None:
            return "at an unknown time"
        try:
            return f"{datetime.fromtimestamp(header.at, UTC):%Y-%m-%d %H:%M} UTC"
        except (OverflowError, ValueError, OSError):
            return "at an unknown time"

    @property
    def anchors(self) -> frozenset[str]:
        """The figures that are on the page."""
        shown = [chapter for _, _, chapters in self.sections() for chapter in chapters]
        return frozenset(plate.anchor for chapter in shown for plate in chapter.plates)

    @staticmethod
    def place(way: str) -> str:
        """Where the verdicts of a way are on the page."""
        return anchor("way", way)

    @staticmethod
    def place_of_curve(figure: str) -> str:
        """Where a simulated figure is on the page."""
        return anchor("simulated", figure)

    def sections(self) -> list[tuple[str, str, list[Chapter]]]:
        """Those that have something to show: name, title, chapters."""
        found = [
            (name, title, [one for one in self.chapters if one.section == name])
            for name, title in SECTIONS.items()
        ]
        return [one for one in found if one[2]]


def composed(reading: SamplesRead, known: Catalogues, raw: str) -> Report:
    """What a reading comes to."""
    series = all_series(reading)
    judged = verdicts(reading, series)
    return Report(
        reading=reading,
        known=known,
        series=tuple(series),
        verdicts=judged,
        chapters=tuple(chapters(reading, series, known)),
        answers=tuple(answers(judged, known)),
        duels=tuple(duels(judged, series, known)),
        surprises=tuple(surprises(reading, series, known)),
        beyond=tuple(beyond(reading.simulated)),
        outgrown=tuple(outgrown(reading.simulated)),
        validations=tuple(validations(reading.simulated, series)),
        raw=raw,
    )


def page(report: Report) -> str:
    """The page."""
    return classed(_rendered(report, "page.html.j2"))


def summary(report: Report) -> str:
    """The summary as Markdown."""
    text = _rendered(report, "summary.md.j2")
    return "\n".join(line.rstrip() for line in text.splitlines()).strip() + "\n"


def _context(report: Report) -> dict[str, Any]:
    return {
        "report": report,
        "reading": report.reading,
        "header": report.reading.header,
        "known": report.known,
        "questions": QUESTIONS,
        "outline": outline,
        "how": HOW,
        "nouns": NOUNS,
        "signs": SIGNS,
        "busy": BUSY,
        "close": CLOSE,
        "surprising": RULES_TOLD,
        "behind": BEHIND,
        "light": LIGHT,
        "dark": DARK,
        "fonts": FONTS,
        "shows": _shows(report.answers),
    }


def _rendered(report: Report, name: str) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=name.endswith(".html.j2"),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        told=told, brief=brief, clean=lambda value: harmless(str(value)), cell=_cell
    )
    environment.globals.update(shown=_shown, percent=lambda share: f"{share:.0%}")
    return environment.get_template(name).render(_context(report))


def _shown(verdict: WayVerdict) -> str:
    """The value of a verdict for people."""
    if verdict.series is None or verdict.value is None:
        return ""
    return told(verdict.value, verdict.series.unit)


def _cell(text: str) -> str:
    """``text`` as a cell of a table in Markdown, where it is nothing but text."""
    text = harmless(str(text)).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{letter}" if letter in "\\|`*_[]" else letter for letter in text)


def _shows(answers: Sequence[Advice]) -> list[tuple[str, str]]:
    """For each answer the selector of the form with its choices, and its own."""
    return [
        ("".join(f":has(#q{at}-{name}:checked)" for at, name in enumerate(one.choices)), f"#a{n}")
        for n, one in enumerate(answers)
    ]
