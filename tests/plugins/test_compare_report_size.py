"""The page stays small: paths in few letters, few points where there are many values."""

import pytest

from lbdisc_compare.report.charts.strips import DRAWN, thinned
from lbdisc_compare.report.charts.tidying import lean, shorter


@pytest.mark.parametrize(
    ("path", "short"),
    [
        ("M 1 2 \nL 1 2 \n", "M1 2h0"),
        ("M 1 2 \nL 9.5 2 \nM 3 4 \nL 3 -7 \n", "M1 2H9.5M3 4V-7"),
        ("M 1 2 L 3 4 L 5 2 z", "M1 2L3 4L5 2z"),
        ("M 0 2 C 0.5 2 1 1.8 1.4 1.4 z", "M 0 2 C 0.5 2 1 1.8 1.4 1.4 z"),
    ],
)
def test_a_path_is_the_same_in_fewer_letters(path: str, short: str) -> None:
    assert shorter(path) == short


def test_lines_that_look_alike_are_one_path() -> None:
    body = "".join(f'<path d="M 0 {y} \nL 9 {y} \n" style="stroke: #123456"/>' for y in (1, 2, 3))
    assert lean(body) == '<path d="M0 1H9M0 2H9M0 3H9" style="stroke: #123456"/>'


def test_lines_that_look_different_stay_apart() -> None:
    body = '<path d="M 0 1 L 9 1" style="stroke: a"/><path d="M 0 2 L 9 2" style="stroke: b"/>'
    assert lean(body).count("<path") == 2


def test_of_many_values_the_ends_are_drawn() -> None:
    shown = thinned([float(value) for value in range(1000)])
    assert (len(shown), shown[0], shown[-1]) == (DRAWN, 0.0, 999.0)


def test_a_path_of_many_parts_is_drawn_to_whole_pixels() -> None:
    path = " ".join(f"M {n}.4 2.6 L {n}.4 2.6" for n in range(20))
    assert shorter(path).startswith("M0 3h0M1 3h0")
