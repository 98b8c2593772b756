"""What differs between two configurations besides the servers themselves. Pure."""

from collections.abc import Iterable

from lbdisc.haproxy.language.lines import ServerLine
from lbdisc.haproxy.language.model import Configuration, Section
from lbdisc.haproxy.planning.proxies import depends_on_order
from lbdisc.haproxy.planning.servers import Unfit
from lbdisc.secrecy import masked
from lbdisc.sequences import changed_part


def tracks(configuration: Configuration) -> bool:
    """Whether any server follows the state of another."""
    return any(section.tracks for section in configuration.proxies.values())


def _common(servers: Iterable[ServerLine], others: Iterable[ServerLine]) -> list[str]:
    names = {server.name for server in others}
    return [server.name for server in servers if server.name in names]


def check_same_but_servers(old: Configuration, new: Configuration) -> None:
    """Raise ``Unfit`` unless ``server`` lines are all that differs."""
    for configuration in (old, new):
        if configuration.uncertain:
            raise Unfit(configuration.uncertain)
        for section in configuration.proxies.values():
            if not section.names_servers_once:
                raise Unfit(f"two servers of {section.name} have one name")
    if len(old.proxies) < sum(section.kind in ("backend", "listen") for section in old.sections):
        raise Unfit("two proxies have one name")
    for before, after, start in zip(old.sections, new.sections, new.starts, strict=False):
        if before is not after:
            _check_section(before, after, start)
    if len(old.sections) != len(new.sections):
        raise Unfit(f"{len(new.sections)} sections instead of {len(old.sections)}")


def _check_section(old: Section, new: Section, start: int) -> None:
    if old.header != new.header:
        raise Unfit(f"line {start}: section {new.header.text!r} is new")
    if old.lines == new.lines:
        return
    for before, after in zip(old.lines, new.lines, strict=False):
        if before != after:
            raise Unfit(f"line {start + after.below} changed: {masked(after.text)[:60]!r}")
    raise Unfit(
        f"section {new.header.text!r} has {len(new.lines)} instead of {len(old.lines)} lines"
    )


def changed_servers(
    old: Configuration, new: Configuration
) -> tuple[list[ServerLine], list[ServerLine]]:
    """The servers of each that the other may not have; the proxies are the same."""
    before: list[ServerLine] = []
    after: list[ServerLine] = []
    for name, section in new.proxies.items():
        if section.servers is not old.proxies[name].servers:
            left, here = changed_part(old.proxies[name].servers, section.servers)
            # Lines that are equal in both texts are the same objects.
            shared = set(map(id, left)) & set(map(id, here))
            before += (server for server in left if id(server) not in shared)
            after += (server for server in here if id(server) not in shared)
    return before, after


def reordered(old: Configuration, new: Configuration) -> tuple[str, ...]:
    """The proxies where the order of the servers counts, and is another one."""
    return tuple(
        name
        for name, section in new.proxies.items()
        if section.servers is not old.proxies[name].servers
        and depends_on_order(section)
        and _common(old.proxies[name].servers, section.servers)
        != _common(section.servers, old.proxies[name].servers)
    )
