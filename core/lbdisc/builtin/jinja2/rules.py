"""Which variables do not go together, as the template declares it with ``refused_if``."""

from collections.abc import Iterable, Mapping
from typing import Any

from lbdisc.builtin.jinja2.conditions import holds
from lbdisc.builtin.jinja2.variables import KEY, Variable
from lbdisc.errors import SettingsError


def check_together(
    given: Mapping[str, Any],
    variables: Iterable[Variable],
    around: Mapping[str, Any],
    place: str = KEY,
) -> None:
    """Raise ``SettingsError`` for the first of ``given`` that a condition of its own refuses.

    A condition sees what is given beside it and, where that has no such name, what is ``around``.
    """
    names = {**around, **given}
    for variable in variables:
        if variable.name not in given:
            continue
        value, key = given[variable.name], f"{place}.{variable.name}"
        for condition, why in variable.refused_if.items():
            if _is_refused(key, condition, names):
                raise SettingsError(f"bad setting {key}: {why}")
        check_together(value if variable.members else {}, variable.members, names, key)
        for entry, members in value.items() if variable.each else ():
            check_together(members, variable.each, names, f"{key}.{entry}")


def _is_refused(key: str, condition: str, names: Mapping[str, Any]) -> bool:
    try:
        return holds(condition, names)
    except ValueError as error:
        raise SettingsError(f"the template's refused_if of {key}: {error}") from error
