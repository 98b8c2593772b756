"""The environment of what lbdisc starts: its own, without what is meant for lbdisc alone.

Every setting may come from a variable ``LBDISC_…``, secrets among them, and HAProxy's ``show env``
tells its environment to whoever may ask. So no program gets any of them but by its name: plugins
bring secrets that nobody knows here.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from lbdisc.secrecy import is_secret

PREFIX = "LBDISC_"
# What a supervisor tells lbdisc: another would speak to it in lbdisc's name (sd_notify(3),
# sd_listen_fds(3)).
_SUPERVISOR = (
    *("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"),
    *("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"),
)


def for_child(
    passed: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> dict[str, str]:
    """That of a child; ``passed`` names the variables ``LBDISC_…`` that it gets, also with ``*``.

    ``environment`` is this process's if unsaid.
    """
    given = os.environ if environment is None else environment
    return {name: text for name, text in given.items() if _is_for(name, passed)}


def _is_for(name: str, passed: Sequence[str]) -> bool:
    if name.startswith(PREFIX):
        return any(fnmatchcase(name, pattern) for pattern in passed)
    return name not in _SUPERVISOR


def secrets_in(environment: Mapping[str, str], passed: Sequence[str] = ()) -> Iterator[str]:
    """The names of lbdisc's variables there that look like secrets and are not ``passed``."""
    for name in sorted(environment):
        is_ours = name.startswith(PREFIX) and not _is_for(name, passed)
        if is_ours and (name == f"{PREFIX}JINJA2_VARS" or is_secret(name)):
            yield name


def _checked(pattern: str) -> str:
    if not pattern.startswith(PREFIX):
        raise ValueError(f"{pattern!r} is no variable of lbdisc, {PREFIX}…: others are passed on")
    return pattern


_AS_SCHEMA = WithJsonSchema({"type": "string", "pattern": f"^{PREFIX}"})
Passed = tuple[Annotated[str, AfterValidator(_checked), _AS_SCHEMA], ...]
