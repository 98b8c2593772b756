"""Playing all tasks over one backend, one after the other."""

import json
import re
from pathlib import Path

from lbdisc import __version__
from lbdisc.errors import LbdiscError
from lbdisc_lab.containers.backends import IMAGE, Backend, backend
from lbdisc_lab.containers.docker import DockerError, docker, inspect
from lbdisc_lab.containers.engine import Engine
from lbdisc_lab.containers.site import Site
from lbdisc_lab.tasks import starts
from lbdisc_lab.tasks.evidence import Gatherer
from lbdisc_lab.tasks.scenes import SCENES, Scene, StaticSite
from lbdisc_lab.tasks.stage import Say, Stage, TaskFailed
from lbdisc_lab.tasks.values import Image, Report, Start, Task

LAYER = 12  # characters of a layer's digest that tell it apart


class Play:
    """Plays the tasks over ``chosen`` and gathers what they leave in ``folder``."""

    def __init__(self, chosen: Backend, folder: Path, *, rate: float, say: Say) -> None:
        self._backend = chosen
        self._gatherer = Gatherer(folder)
        self._rate = rate
        self._say = say
        self._missing: list[str] = []

    def run(self, scenes: tuple[Scene, ...] = SCENES) -> Report:
        """Play ``scenes``. Raises ``DockerError`` when the engine or an image is not there."""
        images = self._images()
        tasks = tuple(self._task(scene) for scene in scenes)
        measured = self._starts()
        return Report(
            backend=self._backend.name,
            rate=self._rate,
            versions=_versions(),
            images=images,
            tasks=tasks,
            starts=measured,
            missing=tuple(self._missing),
        )

    def _site(self, scene: str, chosen: Backend, *, static: bool = False) -> Site:
        kind = StaticSite if static else Site
        return kind(Engine(f"lab-{self._backend.name}-{scene}"), chosen, rate=self._rate)

    def _task(self, scene: Scene) -> Task:
        chosen = backend("file") if scene.static else self._backend
        self._say(f"\n{scene.title} (backend {chosen.name})")
        with self._site(scene.name, chosen, static=scene.static) as site:
            stage = Stage(site, self._gatherer, scene.name, self._say)
            try:
                scene.play(stage)
            except TaskFailed as error:
                self._missing.append(f"{scene.title}: {error}")
            finally:
                stage.close()
        return Task(
            name=scene.name,
            title=scene.title,
            question=scene.question,
            steps=tuple(stage.steps),
            backend=chosen.name,
        )

    def _starts(self) -> tuple[Start, ...]:
        self._say(f"\nTime from docker run to the first request served, {starts.TIMES} times")
        with self._site("starts", self._backend) as site:
            try:
                site.start_registry()
                site.start_balancer()
                site.start_nodes("s1", "s2")
                site.until_up("s1", "s2")
                measured = starts.measure(site)
            except (AssertionError, LbdiscError) as error:
                self._missing.append(f"the starts were not measured: {error}")
                return ()
        for start in measured:
            self._say(f"  {start.what}: median {start.median:.2f} s")
        return measured

    def _images(self) -> tuple[Image, ...]:
        names = ("base", "ha", "webapp", *([self._backend.server] if self._backend.server else []))
        return tuple(_image(name) for name in names)


def _image(name: str) -> Image:
    found = inspect("image", IMAGE.format(name))
    return Image(
        name=f"lbdisc/{name}",
        identity=str(found["Id"]).removeprefix("sha256:")[:LAYER],
        size=int(found["Size"]),
        layers=tuple(layer.removeprefix("sha256:")[:LAYER] for layer in found["RootFS"]["Layers"]),
    )


def _versions() -> dict[str, str]:
    server = json.loads(docker("version", "--format", "{{json .Server}}"))
    found = {"lbdisc": __version__, "Docker engine": str(server["Version"])}
    for name, command in _ASKED.items():
        try:
            said = docker(
                "run", "--rm", "--network", "none", "--entrypoint", command[0],
                IMAGE.format("ha"), *command[1:],
            )  # fmt: skip
        except DockerError:
            continue
        number = re.search(r"\d+(\.\d+)+", said)
        found[name] = number.group() if number else said.splitlines()[0]
    return found


_ASKED = {"HAProxy": ("haproxy", "-v"), "Serf": ("serf", "version"), "Python": ("python3", "-V")}
