"""Settings of ``lbdisc run`` and ``lbdisc register`` as this comparison has them."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from lbdisc.builtin import jinja2
from lbdisc_compare.contenders.contender import Size
from lbdisc_compare.hosts.host import Host
from lbdisc_lab.demo import toml

LBDISC = Path(sys.executable).with_name("lbdisc")
TEMPLATE = Path(jinja2.__file__).parent / "templates" / "haproxy.cfg.j2"
SERVICE = "nodes"

Settings = Mapping[str, object]

# Beside the defaults: the nodes are on loopback or in test networks, and the same ones come and go
# again and again, where each change is to be measured alone.
MEASURED: Settings = {
    "endpoints.allow": ["0.0.0.0/0", "127.0.0.0/8"],
    "endpoints.flap_wait": 0,
    "agent.max_reload_interval": 0,
    "log.format": "json",
}
WRITTEN_DOWN = {
    "endpoints.flap_wait": "0: the same nodes come and go without end (default 60)",
    "agent.max_reload_interval": "0: as many reloads as there are changes (default 30)",
    "jinja2.vars.check": "HEAD / every 1 s, every 0.2 s once it fails; down after 3 failures or a "
    "request's connection that fails, up after 2 (all but HEAD default)",
}


def lbdisc(word: str, settings: Path) -> list[str]:
    """``lbdisc WORD --config settings`` with nothing of this process's environment.

    An installed program has its bytecode: the first start in an environment writes it.
    """
    named = [name for name in os.environ if name.startswith("LBDISC_")]
    without = [part for name in ("PYTHONDONTWRITEBYTECODE", *named) for part in ("-u", name)]
    return ["env", *without, str(LBDISC), word, "--config", str(settings)]


def agent_settings(folder: Path, host: Host, port: int, size: Size, backing: Settings) -> Settings:
    """Of the balancer on ``host`` that keeps its state in ``folder`` and serves at ``port``."""
    own: dict[str, object] = {
        "state_dir": folder,
        "agent.name": host.name,
        "jinja2.vars.http_bind": f"{host.address}:{port}",
        "jinja2.vars.stats_bind": "",
        "jinja2.vars.check": "HEAD /",
    }
    if not size.guard:
        own["guard.loss_hold"] = 0
    if not size.checks:
        own["jinja2.template"] = _unchecked(folder)
    return {**MEASURED, **own, **backing}


def _unchecked(folder: Path) -> Path:
    """The default template without health checks, which no variable of it turns off."""
    text, found = TEMPLATE.read_text(), " check weight "
    if text.count(found) != 1:
        raise RuntimeError(f"{TEMPLATE.name} has no line with{found}as it was")
    copy = folder.parent / "unchecked.cfg.j2"
    copy.write_text(text.replace(found, " weight "))
    return copy


def node_settings(folder: Path, name: str, host: Host, port: int, backing: Settings) -> Settings:
    """Of the registrar of the node ``name``; all that is not said is as it comes."""
    own: dict[str, object] = {
        "state_dir": folder,
        "register.name": name,
        "register.address": host.address,
        "register.port": port,
        "register.check": "/",
        "log.format": "json",
    }
    return {**own, **backing}


def write(file: Path, settings: Settings) -> Path:
    """``settings`` as ``lbdisc.toml`` at ``file``."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(toml.document(settings))
    return file
