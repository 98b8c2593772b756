"""The load balancer's own addresses and ports: whoever is listed there is no node."""

import time
from collections.abc import Callable, Collection
from ipaddress import IPv4Address, IPv6Address, ip_address

from lbdisc.screening.embedded import embedded

Place = tuple[str, int]  # IP address and port
ANY = ("0.0.0.0", "::")
FRESH = 5.0  # seconds that this machine's addresses are good for


def addresses_of_this_machine() -> frozenset[str]:
    """All of them, as the kernel has them; those of loopback are known without."""
    import psutil  # here: few need it

    found = (its.address for entries in psutil.net_if_addrs().values() for its in entries)
    return frozenset(text for each in found if (text := _canonical(each.partition("%")[0])))


class OwnPlaces:
    """What the load balancer takes connections at. Not for two threads."""

    def __init__(
        self,
        here: Callable[[], frozenset[str]] = addresses_of_this_machine,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._here = here
        self._clock = clock
        self._places: frozenset[Place] = frozenset()
        self._wide: frozenset[int] = frozenset()  # ports on all addresses
        self.ports: frozenset[int] = frozenset()
        self._known: tuple[float, frozenset[str]] = float("-inf"), frozenset()

    def add(self, places: Collection[Place]) -> frozenset[int]:
        """These, too; the ports of those that are new.

        None is taken away: a configuration whose listeners go by its endpoints comes to rest.
        """
        new = frozenset(places) - self._places
        self._places |= new
        self._wide |= {port for host, port in new if host in ANY}
        self.ports |= {port for _, port in new}
        return frozenset(port for _, port in new)

    def why(self, address: str, port: int) -> str:
        """Why nobody is served at this IP address and port, ``""`` if somebody may be."""
        if port not in self.ports:
            return ""
        for each in (address, *_inside(address)):
            if (each, port) in self._places or (port in self._wide and self._is_here(each)):
                return f"{address} port {port} is where the load balancer itself listens"
        return ""

    def _is_here(self, address: str) -> bool:
        if address.startswith("127.") or address == "::1":
            return True
        if self._clock() >= self._known[0]:
            self._known = self._clock() + FRESH, self._here()
        return address in self._known[1]


def _inside(address: str) -> list[str]:
    if ":" not in address:
        return []
    return [str(IPv4Address(its)) for its in embedded(int(IPv6Address(address)))]


def _canonical(address: str) -> str:
    try:
        return str(ip_address(address))
    except ValueError:  # of another layer
        return ""
