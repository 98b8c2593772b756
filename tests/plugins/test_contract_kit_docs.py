"""The documents on the contract say what the code does."""

import re
import socket
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

import lbdisc.testing
from lbdisc.cli.context import CommandContext
from lbdisc.errors import CheckError
from lbdisc.events import ProgramStarted
from lbdisc.hooks import Hooks, Reloader, Renderer
from lbdisc.plugins import Plugins
from lbdisc.rendered import Rendered
from lbdisc.testing import ContractSuite, ReloaderSuite, RendererSuite, Watching
from lbdisc.testing.backend import ABILITIES, SERVICES
from lbdisc.testing.roles import SLACK, STOP_WITHIN
from lbdisc.values import Endpoint, Snapshot

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests" / "sample_plugin"
CONTRACT = (ROOT / "docs" / "contract.md").read_text()
GUIDE = (ROOT / "docs" / "writing-a-plugin.md").read_text()
PROMISES = {
    name: " ".join((getattr(suite, name).__doc__ or "").split())
    for suite in (ContractSuite, RendererSuite, ReloaderSuite)
    for name in dir(suite)
    if name.startswith("test_")
}
EXAMPLES = dict(re.findall(r"<!-- example (\w+) -->\n```python\n(.*?)```\n", GUIDE, re.DOTALL))
BLOCKS = dict(re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```\n", GUIDE, re.DOTALL))


@pytest.mark.parametrize("name", PROMISES)
def test_each_promise_is_in_the_contract(name: str) -> None:
    assert f"| {PROMISES[name]} | `{name}` |\n" in CONTRACT


def test_the_contract_lists_no_other_promise() -> None:
    assert sorted(re.findall(r"\| `(test_\w+)` \|\n", CONTRACT)) == sorted(PROMISES)


@pytest.mark.parametrize("ability", ABILITIES)
def test_each_ability_is_in_the_contract(ability: str) -> None:
    assert f"`{ability}`" in CONTRACT


@pytest.mark.parametrize("file", BLOCKS)
def test_the_guide_shows_the_sample_as_it_is(file: str) -> None:
    assert BLOCKS[file] == (SAMPLE / file).read_text()


def test_the_guide_shows_all_of_the_sample() -> None:
    files = {
        str(path.relative_to(SAMPLE))
        for path in SAMPLE.rglob("*")
        if path.suffix in (".py", ".toml") and path.name not in ("conftest.py", "__init__.py")
    }
    assert set(BLOCKS) == files


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_that_is_written_is_in_the_contract(service: str) -> None:
    assert f"`{service}`" in CONTRACT


def example(name: str) -> dict[str, Any]:
    module = ModuleType(f"example_{name}")
    sys.modules[module.__name__] = module  # dataclasses look there
    exec(EXAMPLES[name], module.__dict__)
    return module.__dict__


def test_the_example_on_asyncio_follows_and_stops() -> None:
    made = example("asyncio")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        settings = made["LinesSettings"](port=listening.getsockname()[1])
        with Watching(made["LinesDiscovery"](settings)) as watching:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b'{"s1": {"address": "10.0.0.7", "port": 1}, "s2": {}}\n')
                snapshot = watching.until(lambda s: len(s) == 1, deadline=10)
            assert "closed the connection" in str(watching.failed(deadline=10))
    assert [problem.where for problem in snapshot.problems] == ["member 's2'"]
    assert watching.stopped_in < STOP_WITHIN + SLACK


def test_the_example_of_a_renderer_renders() -> None:
    made = example("renderer")
    renderer: Renderer = made["HostsRenderer"](made["HostsSettings"]())
    endpoint = Endpoint(service="nodes", name="s1", address="10.0.0.7", port=1)
    rendered = renderer.render(Snapshot.of([endpoint]))
    assert rendered == Rendered("10.0.0.7 s1.internal\n", (("count", "1\n"),))


def test_the_example_of_a_reloader_installs_what_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("dnsmasq", "systemctl"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text('#!/bin/sh\nfor last; do :; done\n! grep -qs bad "$last"\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    reloader: Reloader = example("reloader")["DnsmasqReloader"]()
    config = tmp_path / "conf" / "hosts"
    reloader.apply(reloader.plan(config, None, Rendered("good")))
    with pytest.raises(CheckError, match="dnsmasq refuses it"):
        reloader.apply(reloader.plan(config, Rendered("good"), Rendered("bad")))
    assert config.read_text() == "good"
    assert reloader.verify(Rendered("good"), thorough=True) == ""


def test_the_example_of_a_listener_counts(tmp_path: Path) -> None:
    made = example("listener")
    provider = made["lbdisc_listener"]()
    listener = provider.create(provider.settings(path=tmp_path / "counts"))
    for _ in range(2):
        listener.hear(ProgramStarted(program="run", version="1", backend="file"))
    listener.close()
    assert (tmp_path / "counts").read_text() == "2 started\n"


def test_the_example_of_a_command_adds_one() -> None:
    app = typer.Typer()
    example("commands")["lbdisc_commands"](app, CommandContext(Plugins()))
    assert [command.callback.__name__ for command in app.registered_commands if command.callback]


@pytest.mark.parametrize("hook", [name for name in vars(Hooks) if name.startswith("lbdisc_")])
def test_each_hook_is_in_the_guide(hook: str) -> None:
    assert f"| `{hook}` |" in GUIDE


def test_help_leads_to_the_guide() -> None:
    assert "docs/writing-a-plugin.md" in (lbdisc.testing.__doc__ or "")
    assert "docs/contract.md" in (lbdisc.testing.__doc__ or "")
