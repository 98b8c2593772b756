"""Plugins: found one by one, broken ones named, offers unique, hooks described."""

from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any

import pytest
import typer

from lbdisc import Provider, Rendered, hookimpl, plugins
from lbdisc.errors import PluginError
from lbdisc.generation import Generation
from lbdisc.hooks import Discovery, Hooks
from lbdisc.plugins import Plugins
from lbdisc.values import Change, Snapshot


@dataclass(frozen=True)
class Nothing:
    """No settings."""


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


def test_listeners_hear_of_generations_and_a_failing_one_disturbs_nobody() -> None:
    heard: list[Generation] = []

    class Fails:
        @hookimpl
        def lbdisc_applied(self, generation: Generation) -> None:
            raise ValueError("deaf")

    class Hears:
        @hookimpl
        def lbdisc_applied(self, generation: Generation) -> None:
            heard.append(generation)

    loaded = Plugins()
    loaded.add(Hears(), name="hears")
    loaded.add(Fails(), name="fails")
    generation = Generation(number=1, snapshot=Snapshot(), rendered=Rendered(""), change=Change())
    assert [b.plugin for b in loaded.tell_applied(generation)] == ["fails"]
    assert heard == [generation]


def test_plugins_add_commands() -> None:
    class Adds:
        @hookimpl
        def lbdisc_commands(self, app: typer.Typer) -> None:
            app.command("greet")(lambda: None)

    loaded, app = Plugins(), typer.Typer()
    loaded.add(Adds(), name="adds")
    loaded.add_commands(app)
    assert [command.name for command in app.registered_commands] == ["greet"]


def test_every_hook_says_when_it_is_called_and_since_when_it_exists() -> None:
    hooks = [getattr(Hooks, name) for name in dir(Hooks) if name.startswith("lbdisc_")]
    assert hooks
    for hook in hooks:
        assert "Called" in hook.__doc__
        assert "versionadded" in hook.__doc__


def test_nearest_names_the_word_that_was_meant() -> None:
    assert plugins.nearest("etdc", ["etcd", "serf"]) == " (did you mean 'etcd'?)"
    assert plugins.nearest("zzz", ["etcd", "serf"]) == ""
