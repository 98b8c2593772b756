"""Rows of a reply that cannot be read: they are left out, and said without flooding the log."""

import csv
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from lbdisc.errors import shown

log = logging.getLogger("lbdisc.haproxy")
Row = TypeVar("Row")
SAID = 3  # rows of one reply


class OddRows:
    """Those of one reply to ``what``: a few are said at the end, the rest is counted."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._first: list[str] = []
        self._count = 0

    def or_none(self, read: Callable[[str], Row], row: str) -> Row | None:
        """What ``read`` makes of ``row``, ``None`` for an odd one."""
        try:
            return read(row)
        except (csv.Error, IndexError, KeyError, ValueError):
            self._count += 1
            if len(self._first) < SAID:
                self._first.append(row)
            return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for row in self._first:
            log.warning("odd row in '%s', passed over: %s", self._what, shown(row))
        if self._count > len(self._first):
            log.warning("odd rows in '%s', passed over: %d in all", self._what, self._count)
