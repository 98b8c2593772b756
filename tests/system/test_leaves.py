"""A node leaves whose maintenance would cut its sessions: the whole agent on a real HAProxy."""

import http.client
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lbdisc.testing.waiting import eventually
from support.answering import Answering
from support.own_template import OWN_TEMPLATE
from support.scene import Scene

TEMPLATE = OWN_TEMPLATE.replace("check inter 1s", "check on-marked-down shutdown-sessions")


class Leaving:
    """A node has left, and a request still runs on it."""

    def __init__(self, folder: Path, stack: ExitStack, leave_limit: float) -> None:
        template = folder / "own.j2"
        template.write_text(TEMPLATE)
        haproxy = {"on_stop": "stop", "leave_limit": leave_limit}
        jinja2 = {"template": str(template)}
        self.scene = stack.enter_context(Scene(folder, haproxy=haproxy, jinja2=jinja2))
        self._goes, stays = (stack.enter_context(Answering()) for _ in "ab")
        self.scene.list("goes", self._goes.port)
        self.agent = self.scene.agent()
        self._client = http.client.HTTPConnection("127.0.0.1", self.scene.port, timeout=30)
        stack.callback(self._client.close)
        self._ask()
        self.scene.list("stays", stays.port)
        self.scene.until_up("goes", "stays")
        self.scene.unlist("goes")
        eventually(lambda: self.scene.status["in_step"] and "goes" not in self.scene.config)

    @property
    def state(self) -> str:
        """What HAProxy calls the server of the node."""
        return self.scene.servers().get("goes", "gone")

    def _ask(self) -> None:
        self._goes.may_answer.clear()
        self._client.request("GET", "/")
        eventually(lambda: self._goes.requests)

    def answered(self) -> bool:
        self._goes.may_answer.set()
        return self._client.getresponse().status == 200


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def test_a_node_that_left_is_gone_when_its_last_request_was_answered(
    tmp_path: Path, stack: ExitStack
) -> None:
    leaving = Leaving(tmp_path, stack, leave_limit=0)
    assert leaving.state == "no check"
    assert leaving.answered()
    eventually(lambda: leaving.state in ("MAINT", "gone"))


def test_a_restart_of_the_agent_knows_who_is_leaving(tmp_path: Path, stack: ExitStack) -> None:
    leaving = Leaving(tmp_path, stack, leave_limit=0)
    leaving.agent.kill()
    leaving.scene.agent()
    assert leaving.scene.status["counters"]["applied_nothing"] == 1
    assert leaving.answered()
    eventually(lambda: leaving.state in ("MAINT", "gone"))


def test_after_a_limit_a_reload_takes_it_out_and_the_old_worker_answers(
    tmp_path: Path, stack: ExitStack
) -> None:
    leaving = Leaving(tmp_path, stack, leave_limit=0.1)
    eventually(lambda: "goes" not in leaving.scene.servers())
    assert leaving.answered()
