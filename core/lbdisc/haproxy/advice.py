"""What a configuration lacks to be kept in step well: HAProxy takes it, and pays later."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator

from lbdisc.haproxy.binds import unix_path
from lbdisc.haproxy.language.text import Configuration, Section, parse
from lbdisc.haproxy.name_advice import of_names
from lbdisc.haproxy.planning.servers import Spec, Unfit, canonical_ip, fold
from lbdisc.haproxy.reaching import RIGHT, why_none
from lbdisc.haproxy.state_files import LOAD, state_files
from lbdisc.haproxy.stick_tables import lost_tables
from lbdisc.hooks import Renderer
from lbdisc.values import Snapshot

IDLE = ("option", "idle-close-on-response")
_NO_NETWORK = ("abns@", "abnsz@", "fd@", "sockpair@")
_HOST_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


def advice(
    renderer: Renderer,
    sample: Snapshot,
    read: Callable[[str], Configuration] = parse,
) -> tuple[str, ...]:
    """One line for each thing that is missing in what ``renderer`` makes of ``sample``.

    ``read`` makes the model of a text, with the files that HAProxy reads beside it. Nobody else
    uses the addresses in ``sample``. Raises ``RenderError``.
    """
    model = read(renderer.render(sample).text)
    drained = Snapshot.of(endpoint.drain() for endpoint in sample.endpoints)
    ours = {endpoint.host_port for endpoint in sample.endpoints}
    draining = read(renderer.render(drained).text)
    return (
        *_of_sockets(model),
        *_of_open_sockets(model),
        *_of_state(model, ours),
        *_of_idle_connections(model),
        *_of_stick_tables(model),
        *_of_host_names(model),
        *of_names(model),
        *_of_draining(draining, ours),
        *_of_equal_names(model),
    )


def _of_sockets(model: Configuration) -> Iterator[str]:
    if not model.stats_sockets:
        yield (
            "global has no 'stats socket': every change costs a reload, and nothing is known of"
            " servers; add 'stats socket PATH mode 600 level admin'"
        )
    elif any("$" in s.address or "$" in s.level for s in model.stats_sockets):
        return  # the worker will tell
    elif why := why_none(model):
        yield f"{why}: every change costs a reload; write '{RIGHT}'"
    elif not model.runtime_socket:
        level, address = model.stats_sockets[0].level, model.stats_sockets[0].address
        yield (
            f"'stats socket {address}' is of level {level}: every change costs a reload;"
            " add 'level admin'"
        )


def _of_open_sockets(model: Configuration) -> Iterator[str]:
    for socket in model.stats_sockets:
        local = unix_path(socket.address) or socket.address.startswith(_NO_NETWORK)
        if socket.level == "admin" and not (local or socket.closed):
            yield (
                f"'stats socket {socket.address}' is of level admin and over TCP, where HAProxy"
                " asks for no password: whoever reaches it moves traffic; use a socket in a file,"
                " or 'level user'"
            )


def _of_state(model: Configuration, ours: Collection[str]) -> Iterator[str]:
    loaded = frozenset[str]().union(*state_files(model).values())
    if not (model.state_file or loaded):
        yield (
            "global has no 'server-state-file': after each reload every server is up until it is"
            f" checked; add it, and '{LOAD} global' to defaults"
        )
        return
    without = [
        section
        for name, section in model.proxies.items()
        if name not in loaded and _is_of_interest(section, ours)
    ]
    if without:
        yield (
            f"{_named(without)} without '{LOAD} global': after each reload its servers are up"
            " until they are checked, and names without an address until they are found"
        )


def _is_of_interest(section: Section, ours: Collection[str]) -> bool:
    """Whether it has endpoints, or servers that HAProxy finds by itself."""
    return any(server.address in ours for server in section.servers) or any(
        section.every("server-template")
    )


def _of_idle_connections(model: Configuration) -> Iterator[str]:
    without = [s for s in model.sections if _takes_http(s) and not _closes_when_idle(s)]
    if without:
        yield (
            f"{_named(without)} without '{' '.join(IDLE)}': a reload cuts idle connections, just"
            " when a client may send its next request"
        )


def _takes_http(section: Section) -> bool:
    """Whether clients of servers come in there, by HTTP."""
    mode = section.last("mode")
    if mode is None or mode.words[1:2] != ("http",):
        return False
    if section.kind == "listen":
        return bool(section.servers) or section.last("default_backend") is not None
    leads = section.last("default_backend") or section.last("use_backend")
    return section.kind == "frontend" and leads is not None


def _closes_when_idle(section: Section) -> bool:
    said = [
        line.words
        for line in section.effective
        if line.words[:2] == IDLE or line.words[:3] == ("no", *IDLE)
    ]
    return bool(said) and said[-1][0] != "no"


def _of_stick_tables(model: Configuration) -> Iterator[str]:
    if lost := lost_tables(model):
        yield (
            f"the stick tables of {_named(lost)} are lost at each reload; add a section 'peers'"
            " that has this HAProxy, and 'peers NAME' to each table (docs/long-connections.md)"
        )


def _of_host_names(model: Configuration) -> Iterator[str]:
    specs = [spec for section in model.proxies.values() for spec in _understood(section)]
    if stops := sorted({spec.proxy for spec in specs if _stops_all(spec)}):
        yield (
            f"servers of {_listed(stops)} may be host names and have no 'init-addr … none': one"
            " name that does not resolve keeps HAProxy from every start and reload;"
            " add 'init-addr last,libc,none', and 'resolvers' to find it later"
        )


def _stops_all(spec: Spec) -> bool:
    if spec.is_ip or canonical_ip(spec.host) or not _HOST_NAME.fullmatch(spec.host):
        return False
    methods = ",".join(spec.options.get("init-addr", ())).split(",")
    return not any(method == "none" or canonical_ip(method) for method in methods)


def _of_draining(model: Configuration, ours: Collection[str]) -> Iterator[str]:
    """``model`` is that of a text in which all of ``ours`` are draining."""
    going_on = {
        spec.proxy
        for section in model.proxies.values()
        for spec in _understood(section)
        if spec.host_port in ours and spec.weight and not spec.disabled
    }
    if going_on:
        yield (
            f"draining endpoints keep their weight in {_listed(sorted(going_on))}: a node that"
            " stops gets new requests until it is gone; render 'weight 0' where"
            " endpoint.draining"
        )


def _of_equal_names(model: Configuration) -> Iterator[str]:
    fronts = {section.name for section in model.sections if section.kind == "frontend"}
    if both := sorted(fronts & {s.name for s in model.sections if s.kind == "backend"}):
        yield (
            f"{_listed(both)}: a frontend and a backend of one name, which HAProxy 3.3 and newer"
            " refuse; name one of them otherwise"
        )


def _understood(section: Section) -> Iterator[Spec]:
    for server in section.servers:
        try:
            yield fold(server)
        except Unfit:  # nothing is known of it
            continue


def _named(sections: Iterable[Section]) -> str:
    return _listed([f"{section.kind} {section.name}" for section in sections])


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
