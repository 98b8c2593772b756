"""What settings may be before anybody looks into them: neither too deep nor too long a number."""

from typing import Any

from lbdisc.errors import SettingsError

DEEPEST = 20  # tables and lists in each other
TOO_DEEP = f"more than {DEEPEST} tables and lists in each other"
TOO_LONG = "a number of more than 64 bits"


def check_readable(value: Any, where: str) -> None:
    """Raise ``SettingsError`` about ``where``; looks at any value without calling itself."""
    level = [value]
    for _ in range(DEEPEST + 2):
        if any(isinstance(each, int) and each.bit_length() > 64 for each in level):
            raise SettingsError(f"{where}: {TOO_LONG}")
        level = [inner for each in level for inner in _in(each)]
        if not level:
            return
    raise SettingsError(f"{where}: {TOO_DEEP}")


def _in(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
