"""How long something is to hold, as operators say it."""

import pytest

from lbdisc.durations import seconds_of
from lbdisc.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("1.5h", 5400), ("1d", 86400), ("366d", 31622400)],
)
def test_a_number_and_a_unit_are_a_time(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "30", "m", "-3m", "0s", "367d", "1w", "1h30m", "nan", "1e3s", "९s", "\x1b[2J", "9" * 99],
)
def test_what_is_no_time_is_one_line(text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        seconds_of(text)
    assert str(raised.value).isprintable()
