"""Whatever somebody writes, the others stay, and what is served is exactly what is listed."""

import tracemalloc
from pathlib import Path
from random import Random

import pytest
from hypothesis import strategies as st

from fuzz.corpus import each
from fuzz.exploring import Explore
from fuzz.readers import GOOD_KEYS, READERS, Reader
from fuzz.records import AIMED, Aim, record
from fuzz.served import unescaped
from lbdisc.records import MAX_RECORD

SHOWN = 1000  # characters of a problem, with what names the entry
EACH = 6  # entries of one example
draws = st.randoms(use_true_random=True)
aims: st.SearchStrategy[Aim] = st.sampled_from(("anything", "anything", "anything", *AIMED))


def look(reader: Reader) -> None:
    """The good entries are there, problems are one line each, the text serves what is listed."""
    snapshot = reader.snapshot()
    assert {endpoint.key for endpoint in snapshot.endpoints} >= GOOD_KEYS
    for problem in snapshot.problems:
        assert str(problem).isprintable(), problem
        assert len(str(problem)) < SHOWN, problem
    _, wrong = unescaped(snapshot)
    assert wrong == []


@pytest.mark.parametrize("name", READERS)
def test_no_entry_harms_another(explore: Explore, name: str) -> None:
    def check(draw: Random, aim: Aim) -> None:
        reader = READERS[name]()
        try:
            for _ in range(EACH):
                reader.hear(draw, aim)
            look(reader)
        finally:
            reader.close()

    explore(check, draws, aims, examples=20)


@each("records")
@pytest.mark.parametrize("name", READERS)
def test_what_once_stopped_a_reader_does_not(name: str, seed: Path) -> None:
    reader = READERS[name]()
    try:
        reader.take(seed.read_bytes())
        look(reader)
    finally:
        reader.close()


@pytest.mark.parametrize("name", READERS)
def test_a_record_takes_no_more_memory_than_its_size_explains(name: str) -> None:
    draw, reader = Random(name), READERS[name]()
    try:
        tracemalloc.start()
        for aim in AIMED:
            for _ in range(10):
                reader.hear(draw, aim)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        reader.close()
    # JSON of two characters for a value of some fifty bytes, and what is kept of thirty records.
    assert peak < 200 * MAX_RECORD


def test_a_generator_of_records_makes_good_ones_too() -> None:
    reader, draw = READERS["etcd, lbdisc"](), Random(1)
    for _ in range(300):
        reader.hear(draw, "anything")
    found = reader.snapshot()
    assert len(found) > 8
    assert len(found.problems) > 20
    assert record(Random(1), "lbdisc") == record(Random(1), "lbdisc")
