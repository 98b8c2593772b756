"""Words to the agent through its folder: taken once, in order, answered, and only from its user."""

import json
from pathlib import Path

import pytest

from lbdisc.agent.control import Control, ControlReply
from lbdisc.errors import LbdiscError


class Agent:
    """The other end, which does what it is asked, but for `no`."""

    def __init__(self, folder: Path) -> None:
        self.control = Control(folder)
        self.heard: list[tuple[str, str]] = []

    def turn(self) -> None:
        self.control.obey(self._obey)

    def _obey(self, ask: str, what: str) -> ControlReply:
        self.heard.append((ask, what))
        return ControlReply(ask != "no", f"{ask} {what}")


def test_words_are_heard_once_in_their_order_and_answered(tmp_path: Path) -> None:
    agent, control = Agent(tmp_path), Control(tmp_path)
    first, second = control.say("one", "a"), control.say("no")
    agent.turn()
    agent.turn()
    assert agent.heard == [("one", "a"), ("no", "")]
    assert control.answer(second) == ControlReply(False, "no ")
    assert control.answer(first) == ControlReply(True, "one a")
    assert list(tmp_path.iterdir()) == []


def test_a_word_without_an_agent_waits_for_one(tmp_path: Path) -> None:
    word = Control(tmp_path).say("one")
    assert Control(tmp_path).answer(word, patience=0.05) is None
    agent = Agent(tmp_path)
    agent.turn()
    assert agent.heard == [("one", "")]


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', '{"ask": "one"}'])
def test_what_is_no_word_is_removed(tmp_path: Path, text: str) -> None:
    (tmp_path / "word-1-1.json").write_text(text)
    agent = Agent(tmp_path)
    agent.turn()
    assert (agent.heard, list(tmp_path.iterdir())) == ([], [])


def test_a_link_to_somebodys_file_is_no_word(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text(json.dumps({"ask": "one", "what": ""}))
    (tmp_path / "word-1-1.json").symlink_to(other)
    agent = Agent(tmp_path)
    agent.turn()
    assert (agent.heard, other.exists()) == ([], True)


def test_answers_that_nobody_reads_go_with_the_next_agent(tmp_path: Path) -> None:
    Control(tmp_path).say("one")
    Agent(tmp_path).turn()
    Control(tmp_path).clean_up()
    assert list(tmp_path.iterdir()) == []


def test_who_may_not_write_is_told_who_may(tmp_path: Path) -> None:
    with pytest.raises(LbdiscError, match="be root, or the agent's user"):
        Control(tmp_path / "nowhere").say("one")
    assert list(tmp_path.iterdir()) == []
