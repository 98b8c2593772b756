"""Somebody at a terminal beside an agent: asks `lbdisc`, and reads what it says."""

import json
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from lbdisc.testing.waiting import eventually
from support.scene import LBDISC

PATIENCE = 90.0  # seconds until a fault is told; catches a hang, measures nothing


@dataclass(frozen=True)
class Answer:
    """What a command said, on both outputs, and its exit code."""

    code: int
    text: str

    @property
    def line(self) -> str:
        """The first line, which a pager shows."""
        return self.text.partition("\n")[0]


@dataclass
class Asker:
    """Asks with the settings file ``settings``; ``asked`` are the different commands so far."""

    settings: Path
    page: int  # the port of the agent's page
    asked: dict[str, Answer] = field(default_factory=dict)

    def ask(self, command: str) -> Answer:
        """Of `lbdisc COMMAND`."""
        words = [LBDISC, *shlex.split(command), "--config", str(self.settings)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        answer = self.asked[command] = Answer(done.returncode, done.stdout + done.stderr)
        return answer

    def until(self, command: str, code: int, *words: str) -> Answer:
        """Ask until the answer has all ``words`` and this exit code."""

        def told() -> Answer:
            answer = self.ask(command)
            missing = [word for word in words if word not in answer.text]
            assert not missing, f"no {missing} in {answer.text}"
            assert answer.code == code, f"exit code {answer.code}: {answer.text}"
            return answer

        return eventually(told, deadline=PATIENCE, every=0.3, what=f"lbdisc {command}")

    def until_on_page(self, *words: str) -> None:
        """Look at what the page shows until all ``words`` are there."""

        def shown() -> bool:
            text = json.dumps(httpx.get(f"http://127.0.0.1:{self.page}/state.json").json())
            assert not [word for word in words if word not in text], text
            return True

        eventually(shown, deadline=PATIENCE, every=0.3, what=f"{words} on the page")
