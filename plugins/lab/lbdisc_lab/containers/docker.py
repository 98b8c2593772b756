"""The ``docker`` command, and what it says when it fails."""

import json
import shutil
import subprocess
from typing import Any, cast

from lbdisc.errors import LbdiscError

LIMIT = 90.0  # seconds; catches a hanging engine, measures nothing


class DockerError(LbdiscError):
    """The engine refused, failed or did not answer; the text is its own, on one line."""


def docker(*arguments: str, limit: float = LIMIT, both: bool = False) -> str:
    """What ``docker ARGUMENTS`` printed, without blanks around it. Raises ``DockerError``.

    With ``both`` its standard error is in it, as ``docker logs`` has it.
    """
    if shutil.which("docker") is None:
        raise DockerError("no program 'docker' found: run scripts/docker.sh")
    try:
        done = subprocess.run(
            ["docker", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if both else subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DockerError(f"docker {arguments[0]}: no answer in {limit:g} s") from error
    if done.returncode != 0:
        said = done.stdout if both else done.stderr
        raise DockerError(f"docker {arguments[0]}: {_first_line(said, done.returncode)}")
    return done.stdout.strip()


def inspect(kind: str, name: str) -> dict[str, Any]:
    """What the engine knows of the container, image or network ``name``. Raises ``DockerError``."""
    found = json.loads(docker(kind, "inspect", name))
    return cast("dict[str, Any]", found[0])


def lines(*arguments: str) -> list[str]:
    """The lines of what ``docker ARGUMENTS`` printed. Raises ``DockerError``."""
    return docker(*arguments).splitlines()


def _first_line(text: str, code: int) -> str:
    for line in text.splitlines():
        words = line.strip().removeprefix("docker: ").removeprefix("Error response from daemon: ")
        if words and not words.startswith("See 'docker"):
            return words
    return f"exit code {code}"
