"""What one run makes on the engine: all of it labelled, and removed by that label."""

import re
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from lbdisc_lab.containers.container import Container, Run
from lbdisc_lab.containers.docker import LIMIT, docker, lines

LABEL = "lbdisc.test"


class Engine:
    """Makes containers, networks and volumes of the run ``name``; the end removes exactly those.

    The names that the engine knows begin with the run's, so that two runs never meet. Every method
    raises ``DockerError`` when the engine refuses.
    """

    def __init__(self, name: str) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
            raise ValueError(f"bad name of a run {name!r}: small letters, digits and '-'")
        self.name = name
        self._label = f"{LABEL}={name}"

    def named(self, name: str) -> str:
        """``name`` as the engine knows it."""
        return f"{self.name}-{name}"

    def network(self, name: str) -> str:
        """Make a user-defined network; returns its name on the engine."""
        found = self.named(name)
        docker("network", "create", "--label", self._label, found)
        return found

    def volume(self, name: str) -> str:
        """Make an empty volume; returns its name on the engine."""
        return docker("volume", "create", "--label", self._label, self.named(name))

    def run(self, wanted: Run) -> Container:
        """Start a container; ``wanted.name`` is also its name in the network."""
        return self._container("run", self.complete(wanted))

    def create(self, wanted: Run) -> Container:
        """The same, but it is not started yet."""
        return self._container("create", self.complete(wanted))

    def _container(self, verb: str, run: Run) -> Container:
        words = [word for word in run.arguments() if verb == "run" or word != "--detach"]
        identity = docker(verb, *words).splitlines()[-1]
        return Container(run.name, identity, network=run.network, alias=run.alias)

    def complete(self, wanted: Run) -> Run:
        """What is really asked for: with the run's label, and names that are its own."""
        return replace(
            wanted,
            name=self.named(wanted.name),
            alias=wanted.alias or (wanted.name if wanted.network else ""),
            labels=(*wanted.labels, self._label),
        )

    def stop(self, containers: Sequence[Container], seconds: int = 10) -> None:
        """``docker stop`` for all of them at once."""
        ids = [container.id for container in containers]
        if ids:
            docker("stop", "--time", str(seconds), *ids, limit=seconds + LIMIT)

    def table(self) -> str:
        """``docker ps`` of this run, those that ended included."""
        columns = "table {{.ID}}\t{{.Names}}\t{{.Image}}\t{{.Status}}\t{{.Ports}}"
        return docker("ps", "--all", "--filter", f"label={self._label}", "--format", columns)

    def remove(self) -> None:
        """Remove everything of this run."""
        chosen = ("--quiet", "--filter", f"label={self._label}")
        if found := lines("ps", "--all", *chosen):
            docker("rm", "--force", "--volumes", *found)
        if found := lines("network", "ls", *chosen):
            docker("network", "rm", *found)
        if found := lines("volume", "ls", *chosen):
            docker("volume", "rm", *found)

    def __enter__(self) -> Self:
        self.remove()  # what an earlier run of this name left behind
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()
