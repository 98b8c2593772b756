"""What a new configuration takes away: servers that the one before has and it has not. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

NAMED = 10  # servers that a message names; of more it tells the count
Place = tuple[str, str]  # a proxy, and an address and port there


@dataclass(frozen=True, slots=True, order=True)
class ProxyServer:
    """A server of a proxy; ``address`` is its address and port as one word, ``slots`` how many a
    template makes of it.
    """

    proxy: str
    name: str
    address: str
    slots: int = 1

    @property
    def place(self) -> Place:
        return self.proxy, self.address

    def __str__(self) -> str:
        return f"{self.name} {self.address}"


@dataclass(frozen=True, slots=True)
class ProxyLoss:
    """Of a proxy's ``total`` servers, ``count`` go: ``servers``; a template has several."""

    proxy: str
    total: int
    count: int = 0
    servers: tuple[ProxyServer, ...] = ()

    def exceeds(self, share: float) -> bool:
        """Whether that is more than ``share`` of them, or all."""
        return self.count > 0 and (self.count == self.total or self.count > share * self.total)

    def __str__(self) -> str:
        named = ", ".join(map(str, self.servers[:NAMED]))
        more = f" and {len(self.servers) - NAMED} more" if len(self.servers) > NAMED else ""
        return f"{self.count} of {self.total} of proxy {self.proxy} ({named}{more})"


@dataclass(frozen=True, slots=True)
class Losses:
    """One for each proxy that had servers."""

    proxies: tuple[ProxyLoss, ...] = ()

    @property
    def taken(self) -> tuple[ProxyLoss, ...]:
        """Those that lose anything."""
        return tuple(loss for loss in self.proxies if loss.count)

    def over(self, share: float) -> tuple[ProxyLoss, ...]:
        """Those that lose more than ``share``, or all."""
        return tuple(loss for loss in self.proxies if loss.exceeds(share))

    def __str__(self) -> str:
        """``takes 6 of 6 servers of 3 proxies, none is left``; empty if nothing is taken."""
        count, total = sum(p.count for p in self.proxies), sum(p.total for p in self.proxies)
        if not count:
            return ""
        several = "proxy" if len(self.proxies) == 1 else "proxies"
        left = {0: "none is left", 1: "1 is left"}.get(total - count, f"{total - count} are left")
        servers = "server" if total == 1 else "servers"
        return f"takes {count} of {total} {servers} of {len(self.proxies)} {several}, {left}"


def losses(
    before: Iterable[ProxyServer],
    after: Iterable[ProxyServer],
    *,
    accepted: Collection[Place] = (),
) -> Losses:
    """What ``after`` takes of ``before``, by proxy and address; ``accepted`` places do not count.

    Servers of one address are one, whatever their names: it still serves while one is there. Of a
    template as many as it has slots, less those that one for the same address has.
    """
    still = {place: max(s.slots for s in group) for place, group in _by_place(after).items()}
    found: dict[str, list[tuple[ProxyServer, int, int]]] = defaultdict(list)
    for place, group in _by_place(before).items():
        if place not in accepted:
            slots = max(server.slots for server in group)
            found[place[0]].append((group[0], slots, max(0, slots - still.get(place, 0))))
    return Losses(
        tuple(
            ProxyLoss(
                proxy,
                total=sum(slots for _, slots, _ in servers),
                count=sum(lost for _, _, lost in servers),
                servers=tuple(server for server, _, lost in servers if lost),
            )
            for proxy, servers in found.items()
        )
    )


def _by_place(servers: Iterable[ProxyServer]) -> Mapping[Place, list[ProxyServer]]:
    found: dict[Place, list[ProxyServer]] = defaultdict(list)
    for server in servers:
        found[server.place].append(server)
    return found
