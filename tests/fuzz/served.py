"""What must come of endpoints, whatever they are: a text that serves exactly them."""

from functools import cache
from pathlib import Path
from tempfile import gettempdir

from fuzz.readers import SERVICES
from lbdisc import Snapshot
from lbdisc.builtin.jinja2.renderer import JinjaRenderer, JinjaSettings
from lbdisc.haproxy.language.text import Configuration, parse

VARS = {"http_bind": "127.0.0.1:18099", "stats_bind": "", "cli_bind": ""}
# What the default template adds where an address is a host name.
_FOR_NAMES = {"server", "resolvers"}


@cache
def renderer() -> JinjaRenderer:
    folder = Path(gettempdir())
    return JinjaRenderer(JinjaSettings(services=SERVICES, state_dir=folder, vars=VARS))


@cache
def empty() -> Configuration:
    return parse(renderer().render(Snapshot()).text)


def unescaped(snapshot: Snapshot) -> tuple[str, list[str]]:
    """The text of ``snapshot``, and all in it that is neither a server of it nor the template's."""
    served = snapshot.only(SERVICES)
    text = renderer().render(served).text
    model = parse(text)
    wanted = {e.key: (e.host_port, 0 if e.draining else e.weight) for e in served.endpoints}
    found = {
        server.key: (server.address, int(server.options[server.options.index("weight") + 1]))
        for server in model.servers.values()
    }
    wrong = [
        f"{key}: {found.get(key)}" for key in wanted | found if wanted.get(key) != found.get(key)
    ]
    count = sum(len(section.servers) for section in model.proxies.values())
    if count != len(served):
        wrong.append(f"{count} servers for {len(served)} endpoints")
    return text, wrong + foreign(model)


def foreign(model: Configuration) -> list[str]:
    """Sections and lines that are there with endpoints, and are not without any."""
    known = {section.header.words: section for section in empty().sections}
    wrong = []
    for section in model.sections:
        if section.kind == "resolvers":
            continue
        if section.header.words not in known:
            wrong.append(section.header.text)
            continue
        lines = {line.words for line in known[section.header.words].lines}
        wrong += [line.text for line in section.lines if line.words not in lines]
    return wrong
