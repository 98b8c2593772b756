"""Finding plugins: entry points of the group ``lbdisc``, and the built-in ones in the same way.

A plugin that cannot be loaded, or offers the wrong thing, is set aside as broken under its name.
Nothing it does, its exit included, keeps the others from being used.
"""

import importlib
import traceback
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, cast

import pluggy

from lbdisc.errors import PluginError, SettingsError, nearest
from lbdisc.events import PluginBroken
from lbdisc.hooks import PROJECT, Context, Discovery, Hooks, Provider, Registrar, Reloader, Renderer
from lbdisc.offering import checked
from lbdisc.showing import raised

if TYPE_CHECKING:
    import typer

GROUP = "lbdisc"
BUILT_IN = {
    "file": "lbdisc.builtin.file.plugin",
    "jinja2": "lbdisc.builtin.jinja2.plugin",
    "haproxy": "lbdisc.haproxy.plugin",
    "command": "lbdisc.builtin.command.plugin",
    "journal": "lbdisc.builtin.journal.plugin",
    "systemd": "lbdisc.builtin.systemd.plugin",
}
KINDS = ("discovery", "registrar", "renderer", "reloader", "listener")
REPLACED = {"lbdisc_applied": "lbdisc_listener"}  # hooks that were, and what took their place
# What foreign code may raise where it is called once: even its exit is only its own.
_FAULTS = (Exception, SystemExit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A provider and who offers it."""

    kind: str
    plugin: str
    provider: Provider[Any, Any]
    built_in: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenPlugin:
    """A plugin that did what it may not, why in one line, and the traceback."""

    plugin: str
    reason: str
    trace: str = ""


class Plugins:
    """The loaded plugins, and what they offer. Make one with ``load`` and pass it on."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(Hooks)
        self._offers: list[Offer] | None = None
        self._built_in: set[str] = set()
        self.broken: list[BrokenPlugin] = []

    @classmethod
    def load(cls, found: Iterable[EntryPoint] | None = None) -> "Plugins":
        """The built-in plugins and those of all installed distributions, one by one."""
        plugins = cls()
        for short, module in BUILT_IN.items():
            name = f"lbdisc ({short})"
            plugins._built_in.add(name)
            plugins.add(importlib.import_module(module), name=name)
        points = entry_points(group=GROUP) if found is None else found
        for point in sorted(points, key=lambda point: point.name):
            plugins._add_entry_point(point)
        return plugins

    def _add_entry_point(self, point: EntryPoint) -> None:
        source = f"{point.name} ({point.dist.name if point.dist else point.value})"
        try:
            plugin = point.load()
        except _FAULTS as error:
            self._give_up(source, error)
        else:
            self.add(plugin, name=source)

    def _give_up(self, plugin: str, error: BaseException) -> None:
        if isinstance(error, PluginError):
            self.broken.append(BrokenPlugin(plugin=plugin, reason=str(error)))
            return
        reason = raised(error)
        self.broken.append(BrokenPlugin(plugin=plugin, reason=reason, trace=traceback.format_exc()))

    def add(self, plugin: object, *, name: str) -> None:
        """Register ``plugin``; one that fits no hook is set aside as broken."""
        try:
            self._manager.register(plugin, name=name)
            self._reject_unknown_hooks(plugin)
        except (ValueError, PluginError, pluggy.PluginValidationError) as error:
            if self._manager.has_plugin(name):
                self._manager.unregister(name=name)
            self._give_up(name, error)
        self._offers = None

    def _reject_unknown_hooks(self, plugin: object) -> None:
        known = {hook for hook in dir(Hooks) if hook.startswith("lbdisc_")}
        for hook in dir(plugin):
            marked = getattr(getattr(plugin, hook, None), f"{PROJECT}_impl", None)
            if marked is not None and hook in REPLACED:
                raise PluginError(f"the hook {hook} is gone: {REPLACED[hook]} replaced it")
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
                if provider is None:
                    continue
                provider = checked(kind, plugin, provider)
            except _FAULTS as error:
                self._give_up(plugin, error)
                continue
            if provider.name in taken:
                raise PluginError(
                    f"two plugins offer the {kind} {provider.name!r}: "
                    f"{taken[provider.name]} and {plugin}; uninstall one"
                )
            taken[provider.name] = plugin
            built_in = plugin in self._built_in
            yield Offer(kind=kind, plugin=plugin, provider=provider, built_in=built_in)

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
    def complaints(self) -> list[PluginBroken]:
        """What listeners are to be told of the broken ones."""
        return [PluginBroken(plugin=b.plugin, error=b.reason) for b in self.broken]

    def listeners(self, off: Collection[str] = ()) -> list[Offer]:
        """All offered listeners but those ``off``. Raises ``SettingsError`` for unknown names."""
        offers = [offer for offer in self.offers if offer.kind == "listener"]
        known = {offer.provider.name for offer in offers}
        # A broken plugin's listeners are not known by name.
        for name in () if self.broken else sorted(set(off) - known):
            raise SettingsError(f"listeners_off: no listener {name!r}{nearest(name, known)}")
        return [offer for offer in offers if offer.provider.name not in off]

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

    def add_commands(self, app: "typer.Typer", context: Context) -> None:
        """Let every plugin add its commands; all of one that fails are left out."""
        for implementation in self._manager.hook.lbdisc_commands.get_hookimpls():
            added = type(app)()
            given = {"app": added, "context": context}
            try:
                implementation.function(**{name: given[name] for name in implementation.argnames})
                _take_commands(app, added)
            except _FAULTS as error:
                self._give_up(implementation.plugin_name, error)


def _take_commands(app: "typer.Typer", added: "typer.Typer") -> None:
    """Put the commands of ``added`` into ``app``, if all can be built and none is there already."""
    import typer

    names = _names(added)
    if not names:
        return
    typer.main.get_group(added)
    if taken := sorted(names & _names(app)):
        raise PluginError(f"lbdisc_commands: there is a command {taken[0]!r} already")
    app.registered_commands += added.registered_commands
    app.registered_groups += added.registered_groups


def _names(app: "typer.Typer") -> set[str]:
    import typer

    names = {
        info.name or typer.main.get_command_name(info.callback.__name__)
        for info in app.registered_commands
        if info.callback is not None
    }
    return names | {str(group.name) for group in app.registered_groups}
