"""Conditions on variables: Jinja expressions, such as ``mode == 'tcp' and not bind``."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jinja2
from jinja2.environment import TemplateExpression
from jinja2.sandbox import ImmutableSandboxedEnvironment

from lbdisc.builtin.jinja2.binds import is_loopback


@lru_cache
def compiled(condition: str) -> TemplateExpression:
    """Raises ``ValueError`` for what is no expression."""
    environment = ImmutableSandboxedEnvironment(undefined=jinja2.ChainableUndefined)
    environment.tests["loopback"] = is_loopback
    try:
        return environment.compile_expression(condition)
    except jinja2.TemplateError as error:
        raise ValueError(f"{condition!r} is no condition: {error}") from error


def holds(condition: str, names: Mapping[str, Any]) -> bool:
    """Whether ``condition`` is true of ``names``; one that is not there is false.

    Raises ``ValueError`` when it cannot be told.
    """
    try:
        return bool(compiled(condition)(**names))
    except (jinja2.TemplateError, TypeError, ArithmeticError, LookupError) as error:
        raise ValueError(f"{condition!r}: {error}") from error
