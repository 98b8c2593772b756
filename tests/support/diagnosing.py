"""What `lbdisc doctor` finds in a scene."""

import json
import subprocess
from typing import Any

from support.scene import LBDISC, Scene


def doctor(scene: Scene, *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and what it found."""
    command = [LBDISC, "doctor", "--json", "--config", str(scene.settings), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def found(document: dict[str, Any], *words: str) -> list[str]:
    """Those of ``words``, each with its chapter."""
    return [
        f"{one['check']}: {one['text']}" for one in document["findings"] if one["word"] in words
    ]
