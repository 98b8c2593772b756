"""Plugins: found one by one, broken ones named, offers unique, hooks described."""

import dataclasses
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import typer

from lbdisc import Provider, errors, hookimpl
from lbdisc.cli.context import CommandContext
from lbdisc.errors import PluginError, RenderError, SettingsError
from lbdisc.hooks import Context, Discovery, Hooks
from lbdisc.offering import RESERVED_TABLES
from lbdisc.plugins import Plugins
from lbdisc.settings.tables import CoreSettings
from lbdisc.testing.recorder import Recorder
from lbdisc.values import Snapshot


@dataclass(frozen=True)
class Nothing:
    """No settings."""


@dataclass(frozen=True)
class Demanding:
    """Settings that cannot be left out."""

    url: str


def made(settings: object) -> object:
    return settings


def offering(name: str) -> object:
    class Plugin:
        @hookimpl
        def lbdisc_discovery(self) -> Provider[Any, Discovery]:
            return Provider(name, Nothing, lambda settings: None)  # type: ignore[arg-type,return-value]

    return Plugin()


def test_the_core_offers_its_own_as_plugins() -> None:
    names = {(o.kind, o.provider.name) for o in Plugins.load([]).offers}
    assert {("renderer", "jinja2"), ("reloader", "haproxy"), ("discovery", "file")} <= names


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(PluginError, match=r"no plugin offers the discovery 'consul' \(known: file"):
        Plugins.load([]).discovery("consul")


def test_a_broken_plugin_is_named_and_stops_nobody() -> None:
    point = EntryPoint(name="sad", value="no_such_module_at_all", group="lbdisc")
    loaded = Plugins.load([point])
    assert [b.plugin for b in loaded.broken] == ["sad (no_such_module_at_all)"]
    assert loaded.discovery("file").name == "file"
    with pytest.raises(PluginError, match=r"plugin sad .* is broken: ModuleNotFoundError"):
        loaded.discovery("sad")


def test_two_offers_of_one_name_are_an_error_that_names_both() -> None:
    loaded = Plugins()
    loaded.add(offering("twin"), name="first")
    loaded.add(offering("twin"), name="second")
    with pytest.raises(PluginError, match=r"first and second|second and first"):
        _ = loaded.offers


def test_an_unknown_hook_makes_a_plugin_broken() -> None:
    class Misspelt:
        @hookimpl
        def lbdisc_discover(self) -> None:
            """No such hook."""

    loaded = Plugins()
    loaded.add(Misspelt(), name="misspelt")
    assert "did you mean 'lbdisc_discovery'?" in loaded.broken[0].reason
    assert loaded.names == []


def test_a_provider_hook_that_raises_is_broken_and_others_stay() -> None:
    class Raises:
        @hookimpl
        def lbdisc_discovery(self) -> Provider[Any, Discovery]:
            raise RuntimeError("no database")

    loaded = Plugins()
    loaded.add(Raises(), name="raises")
    loaded.add(offering("good"), name="good")
    assert loaded.discovery("good").name == "good"
    assert loaded.broken[0].reason == "RuntimeError: no database"


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (Nothing, "lbdisc_discovery returned the class Nothing, no Provider"),
        (Provider("bad", dict, made), "lbdisc_discovery: the class dict as settings, no dataclass"),
        (Provider("log", Nothing, made), "lbdisc_discovery: the name 'log' is a table of the core"),
        (Provider("", Nothing, made), "a Provider needs a name"),
        (Provider("bad", Demanding, made), "missing 1 required positional argument: 'url'"),
    ],
)
def test_a_hook_that_returns_the_wrong_thing_is_broken_and_others_stay(
    returned: object, said: str
) -> None:
    class Wrong:
        @hookimpl
        def lbdisc_discovery(self) -> object:
            return returned

    loaded = Plugins()
    loaded.add(Wrong(), name="wrong")
    loaded.add(offering("good"), name="good")
    assert loaded.discovery("good").name == "good"
    assert [b.plugin for b in loaded.broken] == ["wrong"]
    assert said in loaded.broken[0].reason


def test_a_hook_that_exits_is_broken_and_others_stay() -> None:
    class Exits:
        @hookimpl
        def lbdisc_discovery(self) -> None:
            sys.exit(3)

    loaded = Plugins()
    loaded.add(Exits(), name="exits")
    loaded.add(offering("good"), name="good")
    assert loaded.discovery("good").name == "good"
    assert loaded.broken[0].reason == "SystemExit: 3"


def test_the_hook_that_was_is_named_with_what_replaced_it() -> None:
    class Old:
        @hookimpl
        def lbdisc_applied(self, generation: object) -> None:
            """Gone."""

    loaded = Plugins()
    loaded.add(Old(), name="old")
    assert [(b.plugin, b.reason) for b in loaded.broken] == [
        ("old", "the hook lbdisc_applied is gone: lbdisc_listener replaced it")
    ]


class OldRegistrar:
    def hold(self, endpoint: object, stop: object) -> None:
        """As it was."""


class OldRenderer:
    def render(self, snapshot: Snapshot) -> str:
        return "text"


def role(kind: str, made: object) -> Plugins:
    class Plugin:
        pass

    def hook(self: object) -> Provider[Any, Any]:
        return Provider("old", Nothing, lambda settings: made)

    setattr(Plugin, f"lbdisc_{kind}", hookimpl(hook))
    loaded = Plugins()
    loaded.add(Plugin(), name="veteran")
    return loaded


def test_a_registrar_of_the_old_kind_is_named_when_it_is_made() -> None:
    provider = role("registrar", OldRegistrar()).registrar("old")
    with pytest.raises(PluginError) as caught:
        provider.create(Nothing())
    assert str(caught.value) == (
        "plugin veteran: the registrar 'old' has no open(): open() replaced hold()"
    )


def test_a_renderer_of_the_old_kind_is_named_when_it_renders() -> None:
    renderer = role("renderer", OldRenderer()).renderer("old").create(Nothing())
    with pytest.raises(RenderError) as caught:
        renderer.render(Snapshot())
    assert str(caught.value) == (
        "plugin veteran: the renderer 'old' returned an object of type str, no Rendered"
    )


def test_what_cannot_be_made_is_an_error_that_names_the_plugin() -> None:
    class Plugin:
        @hookimpl
        def lbdisc_discovery(self) -> Provider[Any, Discovery]:
            return Provider("bug", Nothing, lambda settings: settings.nothing)

    loaded = Plugins()
    loaded.add(Plugin(), name="buggy")
    with pytest.raises(PluginError, match="plugin buggy: the discovery 'bug' cannot be made"):
        loaded.discovery("bug").create(Nothing())


def test_listeners_that_are_off_are_left_out_and_unknown_ones_are_an_error() -> None:
    loaded = Plugins.load([])
    assert [o.provider.name for o in loaded.listeners(["journal"])] == ["sd_notify"]
    with pytest.raises(SettingsError, match=r"listeners_off: .*'jornal' \(did you mean 'journal'"):
        loaded.listeners(["jornal"])


def test_each_provider_hook_is_called_once() -> None:
    calls: list[str] = []

    class Counting:
        @hookimpl
        def lbdisc_discovery(self) -> None:
            calls.append("asked")

    loaded = Plugins()
    loaded.add(Counting(), name="counting")
    assert loaded.offers == loaded.offers == []
    assert calls == ["asked"]


def commands(plugin: object) -> tuple[list[str | None], Plugins]:
    """The commands after ``plugin`` and a good one have added theirs."""

    class Good:
        @hookimpl
        def lbdisc_commands(self, app: typer.Typer, context: Context) -> None:
            app.command("greet")(lambda: None)

    loaded, app = Plugins(), typer.Typer()
    app.command("run")(lambda: None)
    loaded.add(Good(), name="good")
    loaded.add(plugin, name="other")
    loaded.add_commands(app, CommandContext(loaded))
    return [command.name for command in app.registered_commands], loaded


def fails(app: typer.Typer) -> None:
    app.command("half")(lambda: None)
    raise RuntimeError("boom")


def leaves(app: typer.Typer) -> None:
    sys.exit(3)


def takes(app: typer.Typer) -> None:
    app.command("run")(lambda: None)


def cannot_be_built(app: typer.Typer) -> None:
    def odd(x: int | str) -> None:
        """A parameter that no command line can hold."""

    app.command("odd")(odd)


@pytest.mark.parametrize(
    ("adding", "said"),
    [
        (fails, "RuntimeError: boom"),
        (leaves, "SystemExit: 3"),
        (takes, "lbdisc_commands: there is a command 'run' already"),
        (cannot_be_built, "Union types"),
    ],
)
def test_commands_that_cannot_be_added_are_broken_and_the_others_stay(
    adding: Callable[[typer.Typer], None], said: str
) -> None:
    class Other:
        @hookimpl
        def lbdisc_commands(self, app: typer.Typer) -> None:
            adding(app)

    names, loaded = commands(Other())
    assert sorted(map(str, names)) == ["greet", "run"]
    assert [b.plugin for b in loaded.broken] == ["other"]
    assert said in loaded.broken[0].reason


def test_a_command_has_settings_discovery_and_status(tmp_path: Path) -> None:
    settings = tmp_path / "lbdisc.toml"
    settings.write_text(f'state_dir = "{tmp_path}"\n[file]\ndir = "{tmp_path}"\n')
    context = CommandContext(Plugins.load([])).given(config=settings, assignments=["file.rescan=7"])
    assert context.settings.table("file").rescan == 7
    seen, stop = Recorder(), Event()
    threading.Thread(target=context.discovery.watch, args=(seen, stop), daemon=True).start()
    seen.until(lambda snapshot: not len(snapshot))
    stop.set()
    assert context.status is None


def test_every_hook_says_when_it_is_called_and_since_when_it_exists() -> None:
    hooks = [getattr(Hooks, name) for name in dir(Hooks) if name.startswith("lbdisc_")]
    assert hooks
    for hook in hooks:
        assert "Called" in hook.__doc__
        assert "versionadded" in hook.__doc__


def test_nearest_names_the_word_that_was_meant() -> None:
    assert errors.nearest("etdc", ["etcd", "serf"]) == " (did you mean 'etcd'?)"
    assert errors.nearest("zzz", ["etcd", "serf"]) == ""


def test_names_that_no_table_may_have_are_those_of_the_core() -> None:
    assert {field.name for field in dataclasses.fields(CoreSettings)} == RESERVED_TABLES
