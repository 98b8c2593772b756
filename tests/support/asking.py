"""Somebody at a terminal beside an agent: asks `lbdisc`, and reads what it says."""

import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

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
