"""What differs between two configurations besides the servers themselves. Pure."""

from collections.abc import Iterable

from lbdisc.haproxy.proxies import depends_on_order
from lbdisc.haproxy.servers import Unfit
from lbdisc.haproxy.text import Configuration, Section, ServerLine


def tracks(configuration: Configuration) -> bool:
    """Whether any server follows the state of another."""
    return any("track" in server.options for server in configuration.servers.values()) or any(
        "track" in line.words
        for section in configuration.proxies.values()
        for line in section.every("default-server")
    )


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
    for before, after in zip(old.sections, new.sections, strict=False):
        _check_section(before, after)
    if len(old.sections) != len(new.sections):
        raise Unfit(f"{len(new.sections)} sections instead of {len(old.sections)}")


def _check_section(old: Section, new: Section) -> None:
    if old.header != new.header:
        raise Unfit(f"line {new.header.number}: section {new.header.text!r} is new")
    if old.lines == new.lines:
        return
    for before, after in zip(old.lines, new.lines, strict=False):
        if before != after:
            raise Unfit(f"line {after.number} changed: {after.text[:60]!r}")
    raise Unfit(
        f"section {new.header.text!r} has {len(new.lines)} instead of {len(old.lines)} lines"
    )


def reordered(old: Configuration, new: Configuration) -> tuple[str, ...]:
    """The proxies where the order of the servers counts, and is another one."""
    return tuple(
        name
        for name, section in new.proxies.items()
        if section.servers
        and depends_on_order(section)
        and _common(old.proxies[name].servers, section.servers)
        != _common(section.servers, old.proxies[name].servers)
    )
