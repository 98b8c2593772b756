"""Environment variables in a word of the configuration, as HAProxy puts them in (manual 2.3)."""

import re
from collections.abc import Mapping

from lbdisc.haproxy.language.text import Configuration

Environment = Mapping[str, str]
# "$NAME", "${NAME}", "${NAME-default}"; "${NAME[*]}" makes several words of one.
_VARIABLE = re.compile(r"\$(?:\{(\w+)(\[\*\])?(?:-([^}]*))?\}|([A-Za-z_]\w*))")


def expanded(word: str, environment: Environment | None) -> str | None:
    """``word`` with its variables put in, unset ones empty; ``None`` where that is not known."""
    if "$" not in word:
        return word
    if environment is None or any(found[2] for found in _VARIABLE.finditer(word)):
        return None
    return _VARIABLE.sub(lambda found: _value(found, environment), word)


def _value(found: re.Match[str], environment: Environment) -> str:
    return environment.get(found[1] or found[4], found[3] or "")


def as_set(configuration: Configuration, environment: Environment | None) -> Environment | None:
    """``environment`` as ``setenv``, ``presetenv`` and ``unsetenv`` of ``global`` leave it."""
    if environment is None:
        return None
    known = dict(environment)
    for line in configuration.globals():
        match line.words:
            case ("setenv", name, value):
                known[name] = expanded(value, known) or ""
            case ("presetenv", name, value):
                known.setdefault(name, expanded(value, known) or "")
            case ("unsetenv", *names):
                for name in names:
                    known.pop(name, None)
            case ("resetenv", *names):
                known = {name: value for name, value in known.items() if name in names}
    return known
