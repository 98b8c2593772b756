"""How far another's clock is off, as far as one answer tells: no more is said than is certain."""

import pytest

from lbdisc.skew import LIMIT, Skew, compared

ASKED = 1000.0  # unix seconds


def seen(said: float, *, took: float = 0.01, resolution: float = 1.0) -> Skew:
    return Skew.seen(said, resolution=resolution, asked_s=ASKED, took=took)


@pytest.mark.parametrize(
    ("said", "took", "word"),
    [
        (ASKED, 0.01, "ok"),
        (ASKED - 0.9, 0.01, "ok"),  # whole seconds: it may be as ours
        (ASKED + LIMIT, 0.01, "ok"),
        (ASKED + LIMIT + 0.1, 0.01, "warn"),
        (ASKED - LIMIT - 1.1, 0.01, "warn"),
        (ASKED + 3600, 0.01, "warn"),
    ],
)
def test_more_than_two_seconds_for_certain_are_warned_of(
    said: float, took: float, word: str
) -> None:
    assert compared(seen(said, took=took), "its clock", touches="nothing").word == word


def test_who_answers_slowly_is_not_taken_for_one_whose_clock_is_wrong() -> None:
    for said in (ASKED, ASKED + 6.0):  # as it was when it was asked, or when it answered
        assert compared(seen(said, took=6.0), "its clock", touches="nothing").word == "ok"
    assert seen(ASKED + 60, took=6.0).certain == pytest.approx(54.0)


def test_it_is_said_which_is_ahead_by_how_much_and_what_helps() -> None:
    found = compared(seen(ASKED + 3600), "its clock", touches="leases do not depend on it")
    assert found.text == (
        "its clock is 3600.5 s (± 0.5) ahead of this machine's; leases do not depend on it"
    )
    assert "NTP" in found.remedy
    assert str(seen(ASKED - 3600)).endswith("s (± 0.5) behind this machine's")
    same = "at most 1.0 s ahead of this machine's, and 0.0 s behind"
    assert str(seen(ASKED, took=0.0)) == same


def test_of_one_side_alone_what_is_certain_is_said() -> None:
    late = Skew(50.0, float("inf"))
    assert str(late) == "at least 50.0 s ahead of this machine's"
    assert not Skew(1.0, -1.0).is_possible
