"""Whether what a plugin offers is what its hook promises: found before it can harm anybody."""

import dataclasses
from collections.abc import Callable
from typing import Any

from lbdisc.abilities import Compares
from lbdisc.errors import LbdiscError, PluginError, RenderError
from lbdisc.hooks import Provider, Renderer
from lbdisc.rendered import Rendered
from lbdisc.showing import raised
from lbdisc.values import Snapshot

# What each role must have, and what older plugins have in its place.
METHODS = {
    "discovery": ("watch",),
    "registrar": ("open",),
    "renderer": ("render",),
    "reloader": ("check", "plan", "apply", "verify", "close"),
    "listener": ("hear", "close"),
}
# Keys of the settings that are the core's: no table of a plugin has such a name.
RESERVED_TABLES = frozenset(
    (
        *("backend", "renderer", "reloader", "services", "output", "state_dir"),
        *("listeners_off", "agent", "endpoints", "guard", "register", "log", "trusted"),
    )
)
REPLACED = {("registrar", "open"): "hold"}


def checked(kind: str, plugin: str, offered: object) -> Provider[Any, Any]:
    """``offered`` as a provider of ``kind`` whose ``create`` makes a whole role.

    Raises ``PluginError`` that says what is wrong; ``create`` then raises it for a role that lacks
    a method, or that cannot be made for a reason that is no ``LbdiscError``.
    """
    if not isinstance(offered, Provider):
        raise PluginError(f"lbdisc_{kind} returned {_described(offered)}, no Provider")
    name: Any = offered.name
    if not (isinstance(name, str) and name and callable(offered.create)):
        raise PluginError(f"lbdisc_{kind}: a Provider needs a name and something that creates it")
    _check_table(kind, name, offered.settings)
    create = _whole(kind, plugin, name, offered.create)
    return dataclasses.replace(offered, create=create)


def _check_table(kind: str, name: str, settings: Any) -> None:
    from pydantic import TypeAdapter

    if not (isinstance(settings, type) and dataclasses.is_dataclass(settings)):
        raise PluginError(f"lbdisc_{kind}: {_described(settings)} as settings, no dataclass type")
    if name in RESERVED_TABLES:
        raise PluginError(f"lbdisc_{kind}: the name {name!r} is a table of the core")
    TypeAdapter(settings)
    settings()


def _whole(kind: str, plugin: str, name: str, create: Callable[[Any], Any]) -> Callable[[Any], Any]:
    what = f"plugin {plugin}: the {kind} {name!r}"

    def made(settings: Any) -> Any:
        try:
            role = create(settings)
        except LbdiscError:
            raise
        except (Exception, SystemExit) as error:
            said = raised(error)
            raise PluginError(f"{what} cannot be made: {said}") from error
        for method in METHODS[kind]:
            if not callable(getattr(role, method, None)):
                raise PluginError(f"{what} has no {method}(){_instead(kind, method, role)}")
        return CheckedRenderer(role, what) if kind == "renderer" else role

    return made


@dataclasses.dataclass(frozen=True, slots=True)
class CheckedRenderer:
    """A plugin's renderer, and what to call it when it returns something else."""

    renderer: Renderer
    what: str

    def render(self, snapshot: Snapshot) -> Rendered:
        found: object = self.renderer.render(snapshot)
        if not isinstance(found, Rendered):
            raise RenderError(f"{self.what} returned {_described(found)}, no Rendered")
        return found

    def fingerprint(self) -> str:
        """The renderer's own, ``""`` where it has none. Raises ``RenderError``."""
        if not isinstance(self.renderer, Compares):
            return ""
        try:
            return str(self.renderer.fingerprint())
        except Exception as error:
            raise RenderError(f"{self.what} has no fingerprint: {error!r}") from error


def _instead(kind: str, method: str, role: object) -> str:
    old = REPLACED.get((kind, method), "")
    return f": {method}() replaced {old}()" if old and hasattr(role, old) else ""


def _described(found: object) -> str:
    if isinstance(found, type):
        return f"the class {found.__name__}"
    return f"an object of type {type(found).__name__}"
