"""`lbdisc nodes --agents`: who of the fleet differs, on real registries."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from lbdisc.testing.processes import Process
from lbdisc.testing.waiting import eventually
from lbdisc_lab.demo import registries
from support.scene import LBDISC

pytestmark = pytest.mark.timeout(180)


class Fleet:
    """Agents without a load balancer around one registry."""

    def __init__(self, folder: Path, backend: str) -> None:
        self.folder = folder
        self.backend = backend
        self.stack = ExitStack()
        self.registry = registries.start(backend, folder / "registry")
        self.stack.callback(self.registry.stop)

    def _command(self, *words: str, **settings: object) -> list[str]:
        own: Mapping[str, object] = {
            "reloader": "command",
            "command.reload": "true",
            **self.registry.settings,
            **settings,
        }
        texts = {k: ",".join(v) if isinstance(v, tuple | list) else str(v) for k, v in own.items()}
        sets = [word for key, text in texts.items() for word in ("--set", f"{key}={text}")]
        return [LBDISC, *words, "--backend", self.backend, *sets]

    def agent(self, name: str, **settings: object) -> Process:
        own = {"agent.name": name, "state_dir": self.folder / name, **settings}
        log = self.folder / f"{name}.log"
        process = self.stack.enter_context(Process(self._command("run", **own), log=log))
        eventually(lambda: '"announced"' in log.read_text(), what=f"{name} announced")
        return process

    def agents(self) -> tuple[int, dict[str, dict[str, Any]]]:
        """The exit code of `lbdisc nodes --agents`, and what it says of each agent."""
        command = self._command("nodes", "--agents", "--json", state_dir=self.folder / "asking")
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
        found = json.loads(done.stdout)
        return done.returncode, {agent["name"]: agent for agent in found["agents"]}


@pytest.fixture(params=["file", "etcd"])
def fleet(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    made = Fleet(tmp_path, request.param)
    with made.stack:
        yield made


def test_agents_of_the_same_settings_agree(fleet: Fleet) -> None:
    for name in ("lb1", "lb2"):
        fleet.agent(name)
    code, found = fleet.agents()
    assert code == 0
    assert [agent["differs"] for agent in found.values()] == [[], []]
    assert found["lb1"]["list"] == found["lb2"]["list"]


def test_another_template_and_other_services_are_told_with_exit_code_1(fleet: Fleet) -> None:
    template = fleet.folder / "older.j2"
    template.write_text("global\n")
    for name in ("lb1", "lb2", "lb3"):
        fleet.agent(name)
    fleet.agent("lb4", **{"jinja2.template": template})
    fleet.agent("lb5", services=("nodes", "api"))
    code, found = fleet.agents()
    assert code == 1
    differs = {name: agent["differs"] for name, agent in found.items()}
    assert differs == {
        "lb1": [],
        "lb2": [],
        "lb3": [],
        "lb4": ["settings"],
        "lb5": ["services"],
    }
