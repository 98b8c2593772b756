"""Variables that are secret: from files of their own, drawn where nobody set them, never shown."""

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import structlog

from lbdisc import atomic, own_files
from lbdisc.builtin.jinja2.variables import KEY, Variable
from lbdisc.errors import SettingsError
from lbdisc.secrecy import is_secret
from lbdisc.secret_files import FileSecret

log = structlog.get_logger("lbdisc.jinja2")
SECRET = "secret"
FILE = "_file"
_DRAWN = re.compile(r"[0-9a-f]{32}")


def with_files_read(
    given: Mapping[str, Any], variables: Iterable[Variable], place: str = KEY
) -> dict[str, Any]:
    """``given``, where ``NAME_file`` names the file of the secret ``NAME``, with what is in it.

    Raises ``SettingsError``.
    """
    found = dict(given)
    for variable in variables:
        name, file = variable.name, variable.name + FILE
        if variable.type == SECRET and file in found:
            if name in given:
                raise SettingsError(f"both {place}.{name} and {place}.{file} are set: give one")
            found[name] = _read(found.pop(file), f"{place}.{file}")
        inner = found.get(name)
        if isinstance(inner, dict) and variable.members:
            found[name] = with_files_read(inner, variable.members, f"{place}.{name}")
    return found


def _read(file: object, key: str) -> str:
    if not (isinstance(file, str) and file and file.isprintable()):
        raise SettingsError(f"bad setting {key}: the path of a file is needed")
    path = Path(file).expanduser()
    try:
        return FileSecret(path).get_secret_value()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no UTF-8"
        raise SettingsError(f"{key}: cannot read {path}: {reason}") from error


def is_hidden(name: str, variables: Iterable[Variable]) -> bool:
    """Whether the variable of that dotted name is secret: as the template says, or by its name."""
    return name in _declared(variables) or any(map(is_secret, name.split(".")))


def _declared(variables: Iterable[Variable], before: str = "") -> Iterator[str]:
    for variable in variables:
        if variable.type == SECRET:
            yield before + variable.name
        yield from _declared(variable.members, f"{before}{variable.name}.")


class DrawnSecret:
    """What nobody set is drawn at random when it is first used, and kept in ``folder``."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._path = folder / f"{name}.secret"
        self._text = ""

    def __str__(self) -> str:
        """Raises ``ValueError`` where what is kept cannot be read."""
        if not self._text:
            self._text = self._kept() or self._drawn()
        return self._text

    def __repr__(self) -> str:
        return f"<drawn {self._name}>"

    def _kept(self) -> str:
        try:
            text = own_files.text_of(self._path).strip()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "no UTF-8"
            raise ValueError(
                f"{self._name} is not set, and the one that was drawn cannot be read from"
                f" {self._path}: {why}"
            ) from error
        return text if _DRAWN.fullmatch(text) else ""

    def _drawn(self) -> str:
        text, folder = secrets.token_hex(16), self._path.parent
        if not folder.is_dir():
            return text  # who only asks what would be rendered has no state
        try:
            atomic.write(self._path, f"{text}\n", mode=0o600)
            own_files.give_to_owner_of(folder, self._path)
        except OSError as error:
            log.warning(
                f"{KEY}.{self._name} is not set, and the one that was drawn cannot be kept: after"
                " a restart it is another",
                path=str(self._path),
                error=error.strerror,
            )
            return text
        log.warning(
            f"{KEY}.{self._name} is not set: one was drawn. If there are more balancers, set the"
            " same for all",
            path=str(self._path),
        )
        return text


def drawn(variables: Iterable[Variable], given: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Those of ``variables`` that are drawn where ``given`` has none."""
    return {
        variable.name: DrawnSecret(variable.name, folder)
        for variable in variables
        if variable.drawn and variable.name not in given
    }
