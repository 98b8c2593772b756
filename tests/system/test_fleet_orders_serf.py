"""`--fleet` through Serf, whose members have 512 bytes for all they say; agents without HAProxy."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lbdisc.testing.processes import Process
from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers import serf
from support.scene import LBDISC

pytestmark = pytest.mark.timeout(180)


class Members:
    """An agent beside each of two members; they do not know what their members are called."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self.cluster = stack.enter_context(serf.start(folder / "serf", members=2))
        self.agents = [stack.enter_context(self._agent(index)) for index in (0, 1)]

    def _command(self, index: int, *words: str) -> list[str]:
        state = self._folder / f"lb{index}"
        its = [f"state_dir={state}", f"agent.name=lb{index}", "agent.fleet_orders=true"]
        its += ["reloader=command", "command.reload=true", "backend=serf"]
        its += [f"{key}={value}" for key, value in self.cluster.member_settings(index).items()]
        return [LBDISC, *words, *(word for one in its for word in ("--set", one))]

    def _agent(self, index: int) -> Process:
        log = self._folder / f"lb{index}.log"
        return Process(
            self._command(index, "run"),
            log=log,
            ready=lambda: log.exists() and '"announced"' in log.read_text(),
        )

    def order(self, index: int, *words: str) -> tuple[int, str]:
        command = self._command(index, *words, "--fleet")
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def members(tmp_path: Path) -> Iterator[Members]:
    with ExitStack() as stack:
        yield Members(tmp_path, stack)


def test_an_order_reaches_the_other_member_and_is_taken_once(members: Members) -> None:
    other = members.cluster.members[1].name

    def reached() -> bool:
        return f"{other}: taken\n" in members.order(0, "pause", "--why", "deploy")[1]

    eventually(reached, deadline=60, what="the other agent")
    code, said = members.order(1, "resume")
    assert (code, said.count(": taken\n")) == (0, 1)


def test_an_order_that_has_no_room_there_is_refused_in_one_line(members: Members) -> None:
    code, said = members.order(0, "drain", "nodes/s1", "--why", "\u00fc" * 200)
    assert (code, said.count("\n")) == (1, 1)
    assert "has no room for this order to the fleet: give a shorter --why" in said
    assert members.order(0, "undo", "--all")[1].startswith("nothing is overruled")
