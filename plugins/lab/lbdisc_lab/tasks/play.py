"""Playing tasks over one backend, one after the other."""

from pathlib import Path

from lbdisc.errors import LbdiscError, SettingsError
from lbdisc_lab.containers.backends import LabBackend, backend
from lbdisc_lab.containers.engine import Engine
from lbdisc_lab.containers.site import Site
from lbdisc_lab.tasks import starts
from lbdisc_lab.tasks.evidence import Gatherer
from lbdisc_lab.tasks.scenes import SCENES, LabSite, Scene, StaticSite
from lbdisc_lab.tasks.stage import Say, Stage
from lbdisc_lab.tasks.values import LabReport, Task, TaskStart, TaskStep
from lbdisc_lab.tasks.versions import images, versions

STARTS = "starts"  # what measures the starts is chosen by this name, as a task by its number
TASKS = (*(number for scene in SCENES for number in scene.tasks), STARTS)


def chosen(text: str) -> frozenset[str]:
    """Numbers of tasks and ``starts``, by commas; all for an empty text.

    Raises ``SettingsError`` for one that there is not.
    """
    names = frozenset(name.strip() for name in (text or ",".join(TASKS)).split(","))
    if unknown := sorted(names - frozenset(TASKS)):
        raise SettingsError(f"no task {', '.join(unknown)} (known: {', '.join(TASKS)})")
    return names


class TaskPlay:
    """Plays tasks over ``over`` and gathers what they leave in ``folder``."""

    def __init__(self, over: LabBackend, folder: Path, *, rate: float, say: Say) -> None:
        self._backend = over
        self._gatherer = Gatherer(folder)
        self._rate = rate
        self._say = say
        self._missing: list[str] = []

    def run(self, wanted: frozenset[str] = frozenset(TASKS)) -> LabReport:
        """Play what answers ``wanted``. Raises ``DockerError`` if engine or image is not there."""
        found, known = images(self._backend), versions(self._backend)
        scenes = [scene for scene in SCENES if wanted & set(scene.tasks)]
        tasks = tuple(self._task(scene) for scene in scenes)
        measured = self._starts() if STARTS in wanted else ()
        played = {number for scene in scenes for number in scene.tasks} | {STARTS} & wanted
        return LabReport(
            backend=self._backend.name,
            rate=self._rate,
            versions=known,
            images=found,
            tasks=tasks,
            starts=measured,
            missing=tuple(self._missing),
            left_out=tuple(_named(name) for name in TASKS if name not in played),
        )

    def _site(self, scene: str, over: LabBackend, kind: type[Site] = Site) -> Site:
        return kind(Engine(f"lab-{self._backend.name}-{scene}"), over, rate=self._rate)

    def _task(self, scene: Scene) -> Task:
        over = backend("file") if scene.static else self._backend
        self._say(f"\n{scene.title} (backend {over.name})")
        steps: list[TaskStep] = []
        try:
            kind = StaticSite if scene.static else LabSite
            with self._site(scene.name, over, kind) as site:
                self._steps(scene, site, steps)
        except LbdiscError as error:
            self._missing.append(f"{scene.title}: {error}")
        return Task(
            name=scene.name,
            title=scene.title,
            question=scene.question,
            steps=tuple(steps),
            backend=over.name,
        )

    def _steps(self, scene: Scene, site: Site, steps: list[TaskStep]) -> None:
        """Play on ``site``; whatever happens, the steps so far get into ``steps``."""
        stage = Stage(site, self._gatherer, scene.name, self._say)
        try:
            scene.play(stage)
        finally:
            stage.close()
            steps += stage.steps

    def _starts(self) -> tuple[TaskStart, ...]:
        self._say(f"\nTime from docker run to the first request served, {starts.TIMES} times")
        try:
            with self._site(STARTS, self._backend) as site:
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


def _named(name: str) -> str:
    return "the starts" if name == STARTS else f"task {name}"
