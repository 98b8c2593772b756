"""Whether the names in the settings may name what they are for."""

from collections import Counter
from collections.abc import Iterator, Mapping

from lbdisc.errors import EntryError, SettingsError, shown
from lbdisc.settings.tables import CoreSettings
from lbdisc.values import check_name, is_reserved


def check_names(core: CoreSettings, origins: Mapping[str, str]) -> None:
    """Raises ``SettingsError`` with the first name that is none, and where it came from."""
    for key, why in _wrong(core):
        raise SettingsError(f"bad setting {key} ({origins.get(key, 'default')}): {why}")


def _wrong(core: CoreSettings) -> Iterator[tuple[str, str]]:
    if not core.services:
        yield "services", 'name one service at least, as ["nodes"]'
    twice = [name for name, count in Counter(core.services).items() if count > 1]
    if twice:
        yield "services", f"{shown(twice[0])} is there twice"
    named = [("services", core.services), ("register.service", (core.register.service,))]
    for key, services in named:
        for why in filter(None, map(_no_service, services)):
            yield key, why


def _no_service(name: str) -> str:
    if is_reserved(name):
        return f"{shown(name)}: names that begin with _ are lbdisc's own"
    try:
        check_name(name, what="name of a service")
    except EntryError as error:
        return str(error)
    return ""
