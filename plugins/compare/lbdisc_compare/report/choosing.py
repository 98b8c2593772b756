"""Which one to take: five questions, and for each set of answers what the verdicts lead to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from lbdisc_compare.report.headline import points
from lbdisc_compare.report.known import Catalogues
from lbdisc_compare.report.rules import Mark, Verdicts, WayVerdict

NO_SERVERS = "servers"  # what a way needs by its own words; the other needs are rules' names


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An answer to a question, and which marks of the rule fit it; none: it asks for nothing."""

    name: str
    text: str
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """``rule`` is a rule's name, or ``servers``."""

    rule: str
    text: str
    choices: tuple[Choice, ...]


QUESTIONS = (
    Question(
        rule=NO_SERVERS,
        text="Is there a registry already, or would you run one?",
        choices=(
            Choice(name="yes", text="Yes, one or three servers are fine"),
            Choice(name="no", text="No, nothing that has to be run apart", marks=("good",)),
        ),
    ),
    Question(
        rule="join",
        text="How soon does a new node have to serve?",
        choices=(
            Choice(name="soon", text="Within a second", marks=("good",)),
            Choice(name="later", text="Ten seconds are fine", marks=("good", "fair")),
        ),
    ),
    Question(
        rule="crash",
        text="How long may a node that crashed still get requests?",
        choices=(
            Choice(name="short", text="Five seconds", marks=("good",)),
            Choice(name="long", text="Half a minute", marks=("good", "fair")),
        ),
    ),
    Question(
        rule="away",
        text="May requests be lost while the registry is away?",
        choices=(
            Choice(name="none", text="None", marks=("good",)),
            Choice(name="some", text="That is seldom enough to bear"),
        ),
    ),
    Question(
        rule="removals",
        text="May a healthy node be taken out by mistake, when machines stall?",
        choices=(
            Choice(name="never", text="Never, as far as was tried", marks=("good",)),
            Choice(name="seldom", text="If it comes back by itself"),
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """Part of an answer, and the figure that it rests on; ``None``: on what the way needs."""

    fits: bool
    text: str
    verdict: WayVerdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """``choices`` are the names of the answers given; no ``way`` where nothing was measured."""

    choices: tuple[str, ...]
    way: str
    sentences: tuple[Sentence, ...] = ()
    others: tuple[str, ...] = ()  # that fit as well, or miss no more

    @property
    def fits(self) -> bool:
        return all(sentence.fits for sentence in self.sentences)


def answers(
    verdicts: Verdicts, known: Catalogues, questions: Sequence[Question] = QUESTIONS
) -> Iterator[Advice]:
    """One for each set of choices.

    It is the way that misses the fewest wishes; of those the one with the best marks in all (good
    2, fair 1), then the one that joins soonest, then the one that was named first.
    """
    for choices in product(*(question.choices for question in questions)):
        names = tuple(choice.name for choice in choices)
        wishes = list(zip(questions, choices, strict=True))
        judged = {way: tuple(_judged(verdicts, known, way, wishes)) for way in verdicts.ways}
        measured = [way for way in verdicts.ways if points(verdicts.row(way)) > 0]
        order = sorted(measured, key=lambda way: _rank(verdicts, way, judged[way]))
        if not order:
            yield Advice(choices=names, way="")
            continue
        best = order[0]
        missed = _missed(judged[best])
        others = tuple(way for way in order[1:] if _missed(judged[way]) == missed)
        yield Advice(choices=names, way=best, sentences=judged[best], others=others)


def _judged(
    verdicts: Verdicts, known: Catalogues, way: str, wishes: Sequence[tuple[Question, Choice]]
) -> Iterator[Sentence]:
    for question, choice in wishes:
        if question.rule == NO_SERVERS:
            yield _needs(known, way, choice)
        elif any(rule.name == question.rule for rule in verdicts.rules):
            verdict = verdicts.of(way, question.rule)
            fits = not choice.marks or verdict.mark in choice.marks
            yield Sentence(fits=fits, text=verdict.rule.title, verdict=verdict)


def _needs(known: Catalogues, way: str, choice: Choice) -> Sentence:
    promises = known.way(way).promises
    servers = promises.servers if promises else "what it needs is not known"
    free = promises is not None and servers.lower().startswith("none")
    return Sentence(fits=free or not choice.marks, text=f"Servers it needs: {servers}")


def _missed(sentences: Sequence[Sentence]) -> int:
    return sum(not sentence.fits for sentence in sentences)


def _rank(
    verdicts: Verdicts, way: str, sentences: Sequence[Sentence]
) -> tuple[int, int, float, int]:
    join = verdicts.by.get((way, "join"))
    soon = join.value if join is not None and join.value is not None else float("inf")
    return _missed(sentences), -points(verdicts.row(way)), soon, verdicts.ways.index(way)
