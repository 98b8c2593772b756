"""Whether the networks and ports in the settings are some."""

import ipaddress
from collections.abc import Iterator, Mapping, Sequence

from lbdisc.errors import SettingsError, nearest, shown
from lbdisc.settings.ports import port_range
from lbdisc.settings.tables import CoreSettings

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")  # RFC 4291 2.5.5.2


def check_networks(core: CoreSettings, origins: Mapping[str, str]) -> None:
    """Raises ``SettingsError`` with the first that is none, and where it came from."""
    for key, why in _wrong(core):
        table = key.rpartition(".")[0]
        origin = origins.get(key) or origins.get(table, "default")
        raise SettingsError(f"bad setting {key} ({origin}): {why}")


def _wrong(core: CoreSettings) -> Iterator[tuple[str, str]]:
    settings = core.endpoints
    lists: dict[str, Sequence[str] | None] = {
        "endpoints.allow": settings.allow,
        "endpoints.deny": settings.deny,
    }
    ports: dict[str, Sequence[str] | None] = {"endpoints.ports": settings.ports}
    for name, own in settings.services.items():
        key = f"endpoints.services.{name}"
        if name not in core.services:
            yield key, f"no service of that name is balanced{nearest(name, core.services)}"
        lists |= {f"{key}.allow": own.allow, f"{key}.deny": own.deny}
        ports[f"{key}.ports"] = own.ports
    for key, networks in lists.items():
        if networks == () and key.endswith(".allow"):
            yield key, "name one network at least, as 10.0.0.0/8"
        for why in filter(None, map(_no_network, networks or ())):
            yield key, why

    yield from _nobody_left(lists)
    for key, texts in ports.items():
        if texts == ():
            yield key, "name one port at least, as 3000 or 8000-8099"
        for why in filter(None, map(_no_port, texts or ())):
            yield key, why


def _nobody_left(lists: Mapping[str, Sequence[str] | None]) -> Iterator[tuple[str, str]]:
    """Where ``deny`` takes all that ``allow`` gives: to read that anew would end all traffic."""
    for key in lists:
        table = key.removesuffix(".allow")
        if table == key:
            continue
        allow = lists[key] if lists[key] is not None else lists["endpoints.allow"]
        texts = [*(lists["endpoints.deny"] or ()), *(lists[f"{table}.deny"] or ())]
        denied = [ipaddress.ip_network(text) for text in dict.fromkeys(texts)]
        v4 = list(
            ipaddress.collapse_addresses(n for n in denied if isinstance(n, ipaddress.IPv4Network))
        )
        v6 = list(
            ipaddress.collapse_addresses(n for n in denied if isinstance(n, ipaddress.IPv6Network))
        )
        if all(_is_within(ipaddress.ip_network(text), v4, v6) for text in allow or ()):
            yield f"{table}.deny", f"nobody is left of {key}: name less"


def _is_within(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network,
    v4: Sequence[ipaddress.IPv4Network],
    v6: Sequence[ipaddress.IPv6Network],
) -> bool:
    if isinstance(network, ipaddress.IPv4Network):
        return any(network.subnet_of(each) for each in v4)
    return any(network.subnet_of(each) for each in v6)


def _no_port(text: str) -> str:
    try:
        port_range(text)
    except SettingsError as error:
        return str(error)
    return ""


def _no_network(text: str) -> str:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return f"{shown(text)} is no network: 10.0.0.0/8, 10.0.0.7 or fd00::/8 is needed"
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        return f"{shown(text)}: IPv4 addresses are written as such, 10.0.0.0/8"
    written = text.partition("/")[0]
    if ipaddress.ip_address(written) != network.network_address:
        return f"{shown(text)} has more than a network in it: {network} is needed"
    return ""
