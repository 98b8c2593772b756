"""Whatever goes wrong with one entry is that entry's problem, in one short line."""

import json
import threading
from collections.abc import Callable

import pytest

from lbdisc import Endpoint, Problem, formats
from lbdisc.errors import EntryError
from lbdisc.formats import FORMATS
from lbdisc.reading import read_entry
from lbdisc.testing.entries import HOSTILE_RECORDS


def raises(error: BaseException) -> Callable[[], None]:
    def decode() -> None:
        raise error

    return decode


@pytest.mark.parametrize(
    "error",
    [
        RecursionError("maximum recursion depth exceeded"),
        MemoryError(),
        OverflowError("int too large to convert to float"),
        KeyError("the entry's own text"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
        ValueError("Exceeds the limit (4300 digits)"),
        ZeroDivisionError(),
        StopIteration("stop"),
        ExceptionGroup("many", [ValueError("x")]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_any_error_of_an_entry_is_its_problem_by_kind_alone(error: Exception) -> None:
    found = read_entry("nodes/s1", raises(error))
    assert found == Problem("nodes/s1", f"it cannot be read ({type(error).__name__})")


def test_what_is_wrong_and_right_is_told() -> None:
    found = read_entry("nodes/s1", raises(EntryError("bad port 0: from 1")))
    assert str(found) == "nodes/s1: bad port 0: from 1"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_who_ends_the_program_is_not_kept_from_it(error: type[BaseException]) -> None:
    with pytest.raises(error):
        read_entry("nodes/s1", raises(error()))


def test_a_problem_is_short_and_harmless_whatever_it_is_made_from() -> None:
    signs = "\x1b[2J\u202e\u200b\ud800\u2028\n\0 é" * 10_000
    problem = Problem(signs, signs)
    assert str(problem).isascii()
    assert str(problem).isprintable()
    assert len(str(problem)) < 900


def test_the_end_of_a_long_place_stays() -> None:
    problem = Problem(f"/{'deep/' * 500}nodes/s1.json", "bad")
    assert problem.where.startswith("/deep/")
    assert problem.where.endswith("nodes/s1.json")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("record", HOSTILE_RECORDS.values(), ids=HOSTILE_RECORDS)
def test_no_format_makes_more_of_a_hostile_record_than_a_problem(
    format: formats.Format, record: bytes
) -> None:
    """In a thread, whose stack is smaller, as a discovery's."""
    found: list[object] = []

    def read() -> None:
        decode = lambda: formats.parse(format, record, service="nodes", name="a")  # noqa: E731
        found.append(read_entry("nodes/a", decode))

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    # Curator's knows no weight, state or tags of ours.
    assert isinstance(found[0], Problem | Endpoint if format == "curator" else Problem)


def test_the_hostile_records_that_are_json_are_so_only_by_their_members() -> None:
    good = {"address": "10.0.0.66", "port": 80}
    found = formats.parse("lbdisc", json.dumps(good), service="nodes", name="a")
    assert found == Endpoint(service="nodes", name="a", address="10.0.0.66", port=80)
