"""Any two texts have a plan, and any text a model, whatever is in them."""

from pathlib import Path

from hypothesis import strategies as st

from fuzz import texts
from fuzz.corpus import each
from fuzz.exploring import Explore
from lbdisc.haproxy.language import text as language
from lbdisc.haproxy.language.conditions import evaluated
from lbdisc.haproxy.language.durations import seconds
from lbdisc.haproxy.language.model import Configuration
from lbdisc.haproxy.language.named_files import named_files, set_variables, with_variables
from lbdisc.haproxy.language.words import split
from lbdisc.haproxy.planning.graft import grafted
from lbdisc.haproxy.planning.lookups import named, without_names
from lbdisc.haproxy.planning.plan import plan
from lbdisc.haproxy.planning.proxies import mentions

BETWEEN = "\n---\n"  # the two texts of a seed


def fresh(text: str) -> Configuration:
    """The model of a text before which none was read."""
    language.parse.cache_clear()
    language._last.clear()
    return language.parse(text)


def look_at(text: str) -> None:
    """Ask all that is asked of a model."""
    model = fresh(text)
    variables = set_variables(model)
    assert all(isinstance(with_variables(f.word, variables), str) for f in named_files(model))
    assert len(list(model.servers)) <= text.count("\n") + 1
    assert model.stats_connections >= 0
    assert (model.binds, model.runtime_socket, model.state_file, mentions(model)) is not None
    assert (model.slots, named(model), without_names(text, lambda proxy, host: True)) is not None


def compare(one: str, other: str) -> None:
    way = plan(one, other)
    assert (way.how == "nothing") == (one == other)
    assert bool(way.reasons) == (way.how == "reload")
    assert all(reason.isprintable() or reason for reason in way.reasons)
    fresh(one)
    assert language.parse(other) == fresh(other)  # also where most of it was read before
    joined = grafted(one, other)
    assert joined is None or isinstance(joined, str)


def test_any_text_has_a_model(explore: Explore) -> None:
    explore(look_at, texts.text, examples=80)


def test_any_two_texts_have_a_plan(explore: Explore) -> None:
    explore(lambda pair: compare(*pair), texts.pairs(), examples=120)


def test_any_line_is_cut_into_words(explore: Explore) -> None:
    def check(line: str) -> None:
        words, _ = split(line)
        assert all(isinstance(word, str) for word in words)
        split(line, {"X": "a b", "HOME": '"'})

    explore(check, st.one_of(texts.line, st.text(max_size=80)), examples=200)


def test_any_condition_is_true_or_false_or_not_known(explore: Explore) -> None:
    parts = st.lists(texts.word, max_size=40)
    joined = st.one_of(parts.map(" ".join), st.text("!()&|1 ", max_size=300))
    explore(evaluated, joined, examples=200)


def test_any_duration_is_a_number_or_none(explore: Explore) -> None:
    digits = st.text("0123456789²٣usmhdw", max_size=30)

    def check(text: str) -> None:
        assert (seconds(text) or 0.0) >= 0

    explore(check, digits, examples=200)


@each("plan")
def test_what_once_broke_a_plan_does_not(seed: Path) -> None:
    one, _, other = seed.read_text(encoding="utf-8").partition(BETWEEN)
    look_at(one)
    look_at(other)
    compare(one, other or f"{one}\n  server more 127.0.0.1:80")
