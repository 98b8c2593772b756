"""A scene that is steered: orders given as an operator gives them, by commands."""

import json
import os
import signal
from itertools import count
from typing import Any

from lbdisc.testing.waiting import eventually
from support.scene import Scene

_orders = count()


def told(scene: Scene, *words: str, code: int = 0) -> str:
    """What `lbdisc WORDS` says on both its outputs; it has to end with that code."""
    process = scene.lbdisc(*words, name=f"order-{next(_orders)}-{words[0]}")
    found = process.wait()
    text = process.log.read_text()
    assert found == code, text
    return text


def judged(scene: Scene, code: int) -> dict[str, Any]:
    """`lbdisc status --json`, which has to end with that code."""
    found = json.loads(told(scene, "status", "--json", code=code))
    assert isinstance(found, dict)
    return found


def until(scene: Scene, name: str, status: str) -> None:
    """Until HAProxy's word for that server begins so; "" until it has none."""
    eventually(
        lambda: (
            scene.servers().get(name, "").startswith(status)
            if status
            else name not in scene.servers() or scene.servers()[name] == "MAINT"
        ),
        deadline=30,
        what=f"server {name} {status or 'gone'}",
    )


def kill_agent(scene: Scene) -> None:
    """As a crash does it: `kill -9`, and gone."""
    pid = scene.status["pid"]
    os.kill(pid, signal.SIGKILL)
