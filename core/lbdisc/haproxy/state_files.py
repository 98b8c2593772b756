"""Where a configuration has its servers' state loaded from, and for which proxies. Pure.

``load-server-state-from-file`` is global, local or none (configuration manual 4.2): global means
the ``server-state-file`` of the global section; local a file of the proxy's own, which
``server-state-file-name`` names, and that has the proxy's name where it does not. Relative ones are
in ``server-state-base``; without it they would be wherever HAProxy was started.
"""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from lbdisc.haproxy.language.model import Configuration, Section

LOAD = "load-server-state-from-file"


def state_files(configuration: Configuration) -> Mapping[Path, frozenset[str]]:
    """The proxies that load the file, by its path; none where that cannot be known."""
    found: dict[Path, set[str]] = defaultdict(set)
    for name, section in configuration.proxies.items():
        path = _file_of(section, configuration)
        if path and "$" not in path:
            found[Path(path)].add(name)
    return {path: frozenset(names) for path, names in found.items()}


def _way(section: Section) -> str:
    line = section.last(LOAD)
    return line.words[1] if line is not None and len(line.words) > 1 else "none"


def _file_of(section: Section, configuration: Configuration) -> str:
    way = _way(section)
    if way == "global":
        return configuration.state_file
    if way != "local":
        return ""
    line = section.last("server-state-file-name")
    named = line.words[1] if line is not None and len(line.words) > 1 else "use-backend-name"
    path = section.name if named == "use-backend-name" else named
    base = [line.words[1] for line in configuration.globals("server-state-base") if line.words[1:]]
    path = f"{base[-1]}/{path}" if base and not path.startswith("/") else path
    return path if path.startswith("/") else ""
