"""A check that tells what is wrong with a text from what is wrong with the files beside it.

While such a file is bad on disk, HAProxy refuses every text that names it, also the one that runs.
"""

import re
from collections.abc import Callable
from pathlib import Path

import structlog

from lbdisc.errors import CheckError
from lbdisc.haproxy.process.program import Over, never

log = structlog.get_logger("lbdisc.haproxy")
_NUMBERS = re.compile(r"\d+")


class NoWorse:
    """``check``, passing a text of which HAProxy says nothing that it does not of ``target``.

    For changes of servers that HAProxy has taken, or takes next, at run time.
    """

    def __init__(self, check: Callable[[Path, Path, Over], None]) -> None:
        self._check = check
        self._told = ""

    def __call__(self, staged: Path, target: Path, over: Over = never) -> None:
        """Raises ``CheckError``, and ``Abandoned`` as soon as ``over``."""
        try:
            self._check(staged, target, over)
        except CheckError as error:
            if not self._is_no_worse(error, target, over):
                raise
            if self._told != (text := str(error)):
                log.warning("written although a file beside it is bad", says=text)
            self._told = text
        else:
            self._told = ""

    def _is_no_worse(self, error: CheckError, target: Path, over: Over) -> bool:
        try:
            self._check(target, target, over)
        except CheckError as before:
            return _lines(error) <= _lines(before)
        return False


def _lines(error: CheckError) -> set[str]:
    return {_NUMBERS.sub("#", line) for line in error.said.split("\n")}
