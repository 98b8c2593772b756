"""What got slower by more than the noise, and what cannot be told."""

import random
from pathlib import Path

import pytest

from lbdisc_compare.report.against import compared, slower
from lbdisc_compare.report.reading import read
from lbdisc_compare.report.statistics import likely_same, quantile, spread
from support.compare_samples import cell, header, samples, written

DRAW = random.Random(7)
NOISE = [DRAW.lognormvariate(0, 0.1) for _ in range(40)]


def run(path: Path, factor: float, *, count: int = 40, busy: float = 0.0, unit: str = "s") -> Path:
    values = [factor * value for value in NOISE[:count]]
    lines = samples("etcd", values, unit=unit)
    return written(path, [header(), *cell("etcd", "changes", *lines, busy=busy)])


def test_twice_as_slow_is_found(tmp_path: Path) -> None:
    (finding,) = slower(run(tmp_path / "b", 2.0), run(tmp_path / "a", 1.0))
    assert finding.kind == "slower"
    assert str(finding).startswith("etcd: join of changes is slower: ")


@pytest.mark.parametrize("factor", [1.0, 1.1, 0.9])
def test_less_than_a_fifth_is_noise(tmp_path: Path, factor: float) -> None:
    assert slower(run(tmp_path / "b", factor), run(tmp_path / "a", 1.0)) == []


def test_less_than_a_millisecond_is_nothing_that_anybody_notices(tmp_path: Path) -> None:
    now, before = (run(tmp_path / "x", factor, unit="ms") for factor in (0.8, 0.4))
    assert slower(now, before) == []


def test_faster_is_no_finding_of_what_got_slower(tmp_path: Path) -> None:
    now, before = run(tmp_path / "b", 0.5), run(tmp_path / "a", 1.0)
    assert slower(now, before) == []
    assert [finding.kind for finding in compared(read(now), read(before))] == ["faster"]


def test_a_busy_machine_is_said_instead_of_a_ratio(tmp_path: Path) -> None:
    (finding,) = slower(run(tmp_path / "b", 2.0, busy=0.6), run(tmp_path / "a", 1.0))
    assert finding.kind == "untold"
    assert "busy now, other programs took 60% of it" in str(finding)


def test_few_samples_are_said_instead_of_a_ratio(tmp_path: Path) -> None:
    (finding,) = slower(run(tmp_path / "b", 2.0, count=3), run(tmp_path / "a", 1.0))
    assert finding.why == "only 3 samples, 5 are needed"


def test_a_wide_spread_hides_a_shift(tmp_path: Path) -> None:
    assert likely_same([1, 5, 9, 2, 8], [2, 6, 9, 3, 7]) > 0.01


def test_equal_samples_are_the_same() -> None:
    assert likely_same([1.0] * 10, [1.0] * 10) == 1.0


def test_p_is_that_of_the_published_tables() -> None:
    # U = 5 of 10 and 10 samples: both sides p = 0.00077 by the normal approximation.
    low, high = [1, 2, 3, 4, 5, 6, 7, 8, 9, 15.0], [10.0, 11, 12, 13, 14, 16, 17, 18, 19, 20]
    assert likely_same(low, high) == pytest.approx(0.00077, abs=1e-5)


def test_the_top_of_few_samples_is_the_maximum() -> None:
    assert spread([1, 2, 3]).top_name == "max"
    assert spread(range(1000)).top_name == "p99.9"
    assert quantile([0.0, 10.0], 0.25) == 2.5
