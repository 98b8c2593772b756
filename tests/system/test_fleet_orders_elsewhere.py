"""`--fleet` through registries that hold records: agents without a load balancer, real servers."""

import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from lbdisc.testing.processes import Process
from lbdisc.testing.waiting import eventually
from lbdisc_lab.demo import registries
from support.scene import LBDISC

pytestmark = pytest.mark.timeout(180)


@pytest.mark.parametrize("backend", ["zookeeper", "doozer"])
def test_an_order_and_its_undoing_reach_the_other_agent(tmp_path: Path, backend: str) -> None:
    with ExitStack() as stack:
        registry = registries.start(backend, tmp_path / "registry")
        stack.callback(registry.stop)
        common: dict[str, object] = {"backend": backend, "agent.fleet_orders": "true"}
        common |= {"reloader": "command", "command.reload": "true", **registry.settings}

        def command(name: str, *words: str) -> list[str]:
            own = {**common, "agent.name": name, "state_dir": str(tmp_path / name)}
            texts = {k: ",".join(v) if isinstance(v, list | tuple) else v for k, v in own.items()}
            return [LBDISC, *words, *(w for k, v in texts.items() for w in ("--set", f"{k}={v}"))]

        def said(name: str, *words: str) -> str:
            asked = command(name, *words, "--fleet")
            return subprocess.run(asked, capture_output=True, text=True, timeout=60).stdout

        for name in ("lb1", "lb2"):
            stack.enter_context(Process(command(name, "run"), log=tmp_path / f"{name}.log"))
        eventually(lambda: "lb2: taken\n" in said("lb1", "drain", "nodes/s1"), deadline=60)
        assert said("lb2", "undo", "nodes/s1").endswith("lb1: taken\n")
