"""The Jinja that templates run in: they change nothing, and what others wrote is not theirs."""

import ipaddress
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from lbdisc.builtin.jinja2.binds import is_loopback
from lbdisc.builtin.jinja2.foreign import in_template, plain
from lbdisc.builtin.jinja2.quoting import quote, verbatim
from lbdisc.builtin.jinja2.tags import is_tagged, parted, shared
from lbdisc.values import Endpoint

_OF_OTHERS = ("tag", "tags")


class Sandbox(ImmutableSandboxedEnvironment):
    """For the templates in ``folder``; what belongs to one template alone is added to it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            undefined=jinja2.StrictUndefined,
            autoescape=False,  # the output is no HTML; `quote` is what escapes here
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            loader=jinja2.FileSystemLoader(folder),
            auto_reload=False,
        )
        given = {"is_ip": is_ip, "parted": parted, "quote": quote, "shared": shared}
        self.filters.update(given, verbatim=verbatim)
        self.tests.update(tagged=is_tagged, loopback=is_loopback)
        self.globals["fail"] = _fail
        self.policies["json.dumps_kwargs"] = {"sort_keys": True, "default": plain}

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Endpoint) and attribute in _OF_OTHERS:
            return in_template(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Endpoint) and argument in _OF_OTHERS:
            return in_template(obj, argument)
        return super().getitem(obj, argument)


def _fail(message: str) -> None:
    """Lets a template refuse what it cannot render: ``{{ fail("…") }}``."""
    raise ValueError(message)


@lru_cache(maxsize=65536)
def is_ip(address: str) -> bool:
    """Whether ``address`` is an IP address rather than a host name."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True
