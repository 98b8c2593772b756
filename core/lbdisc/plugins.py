"""Finding plugins: entry points of the group ``lbdisc``, and the built-in ones in the same way."""

import difflib
import importlib
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, cast

import pluggy

from lbdisc.errors import PluginError
from lbdisc.hooks import PROJECT, Discovery, Hooks, Provider, Registrar, Reloader, Renderer

if TYPE_CHECKING:
    import typer

    from lbdisc.generation import Generation

GROUP = "lbdisc"
BUILT_IN = "lbdisc.builtin"
KINDS = ("discovery", "registrar", "renderer", "reloader")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A provider and who offers it."""

    kind: str
    plugin: str
    provider: Provider[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A plugin that could not be loaded, why in one line, and the traceback."""

    plugin: str
    reason: str
    trace: str = ""


class Plugins:
    """The loaded plugins, and what they offer. Make one with ``load`` and pass it on."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(Hooks)
        self._offers: list[Offer] | None = None
        self.broken: list[Broken] = []

    @classmethod
    def load(cls, found: Iterable[EntryPoint] | None = None) -> "Plugins":
        """The built-in plugins and those of all installed distributions, one by one."""
        plugins = cls()
        for plugin in importlib.import_module(BUILT_IN).PLUGINS:
            plugins.add(plugin, name=f"lbdisc ({plugin.__name__.lower()})")
        points = entry_points(group=GROUP) if found is None else found
        for point in sorted(points, key=lambda point: point.name):
            plugins._add_entry_point(point)
        return plugins

    def _add_entry_point(self, point: EntryPoint) -> None:
        source = f"{point.name} ({point.dist.name if point.dist else point.value})"
        try:
            plugin = point.load()
        except Exception as error:  # noqa: BLE001 - foreign code; one broken plugin stops nobody
            self._give_up(source, error)
        else:
            self.add(plugin, name=source)

    def _give_up(self, plugin: str, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        self.broken.append(Broken(plugin=plugin, reason=reason, trace=traceback.format_exc()))

    def add(self, plugin: object, *, name: str) -> None:
        """Register ``plugin``; one that fits no hook is set aside as broken."""
        try:
            self._manager.register(plugin, name=name)
            self._reject_unknown_hooks(plugin)
        except (ValueError, pluggy.PluginValidationError) as error:
            if self._manager.has_plugin(name):
                self._manager.unregister(name=name)
            self._give_up(name, error)
        self._offers = None

    def _reject_unknown_hooks(self, plugin: object) -> None:
        known = {hook for hook in dir(Hooks) if hook.startswith("lbdisc_")}
        for hook in dir(plugin):
            marked = getattr(getattr(plugin, hook, None), f"{PROJECT}_impl", None)
            if marked is not None and hook not in known:
                raise ValueError(f"unknown hook {hook!r}{nearest(hook, known)}")

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self._manager.list_name_plugin()]

    @property
    def offers(self) -> list[Offer]:
        """All offers of all plugins, each hook called once."""
        if self._offers is None:
            self._offers = [offer for kind in KINDS for offer in self._ask(kind)]
        return self._offers

    def _ask(self, kind: str) -> Iterator[Offer]:
        hook = getattr(self._manager.hook, f"lbdisc_{kind}")
        taken: dict[str, str] = {}
        for implementation in hook.get_hookimpls():
            plugin = implementation.plugin_name
            try:
                provider = implementation.function()
            except Exception as error:  # noqa: BLE001 - foreign code; one broken plugin stops nobody
                self._give_up(plugin, error)
                continue
            if provider is None:
                continue
            if provider.name in taken:
                raise PluginError(
                    f"two plugins offer the {kind} {provider.name!r}: "
                    f"{taken[provider.name]} and {plugin}; uninstall one"
                )
            taken[provider.name] = plugin
            yield Offer(kind=kind, plugin=plugin, provider=provider)

    def _choose(self, kind: str, name: str) -> Provider[Any, Any]:
        offers = {o.provider.name: o.provider for o in self.offers if o.kind == kind}
        if name in offers:
            return offers[name]
        known = ", ".join(sorted(offers)) or "none"
        broken = "".join(f"; plugin {b.plugin} is broken: {b.reason}" for b in self.broken)
        raise PluginError(f"no plugin offers the {kind} {name!r} (known: {known}){broken}")

    def discovery(self, name: str) -> Provider[Any, Discovery]:
        return cast(Provider[Any, Discovery], self._choose("discovery", name))

    def registrar(self, name: str) -> Provider[Any, Registrar]:
        return cast(Provider[Any, Registrar], self._choose("registrar", name))

    def renderer(self, name: str) -> Provider[Any, Renderer]:
        return cast(Provider[Any, Renderer], self._choose("renderer", name))

    def reloader(self, name: str) -> Provider[Any, Reloader]:
        return cast(Provider[Any, Reloader], self._choose("reloader", name))

    @property
    def tables(self) -> Mapping[str, type[Any]]:
        """The settings type of every offered name: one table of the settings file each."""
        tables: dict[str, Offer] = {}
        for offer in self.offers:
            first = tables.setdefault(offer.provider.name, offer)
            if first.provider.settings is not offer.provider.settings:
                raise PluginError(
                    f"the table [{offer.provider.name}] has two types: "
                    f"{first.plugin} ({first.kind}) and {offer.plugin} ({offer.kind})"
                )
        return {name: offer.provider.settings for name, offer in tables.items()}

    def add_commands(self, app: "typer.Typer") -> None:
        """Let every plugin add its commands."""
        self._tell("lbdisc_commands", app=app)

    def tell_applied(self, generation: "Generation") -> list[Broken]:
        """Tell the listeners; returns those that failed."""
        return self._tell("lbdisc_applied", generation=generation)

    def _tell(self, hook: str, **arguments: object) -> list[Broken]:
        before = len(self.broken)
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            wanted = {name: arguments[name] for name in implementation.argnames}
            try:
                implementation.function(**wanted)
            except Exception as error:  # noqa: BLE001 - foreign code; one broken plugin stops nobody
                self._give_up(implementation.plugin_name, error)
        failed = self.broken[before:]
        if hook == "lbdisc_applied":
            del self.broken[before:]
        return failed


def nearest(word: str, known: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` for the known word that ``word`` resembles, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
