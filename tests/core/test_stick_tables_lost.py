"""Whether a reload sends users to another server."""

import pytest

from lbdisc.haproxy.language.text import parse
from lbdisc.haproxy.stick_tables import forgets_users

TABLE = "  stick-table type ip size 1k\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"backend b\n{TABLE}  stick on src\n", True),
        (f"listen b\n{TABLE}  stick store-request src\n", True),
        (f"backend t\n{TABLE}backend b\n  stick match src table t\n", True),
        (f"backend t\n{TABLE[:-1]} peers lb\nbackend b\n  stick on src table t\n", False),
        ("peers lb\n  table t type ip size 1k\nbackend b\n  stick on src table lb/t\n", False),
        (f"frontend f\n{TABLE}  http-request track-sc0 src\n", False),
    ],
)
def test_users_are_forgotten_where_they_stick_by_a_table_without_peers(
    text: str, expected: bool
) -> None:
    assert forgets_users(parse(text)) is expected
