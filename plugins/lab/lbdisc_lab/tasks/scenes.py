"""What is done in each task, and what has to be seen; the order is the lab's."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from lbdisc.events import RegistryLost
from lbdisc_lab.containers.container import Run
from lbdisc_lab.containers.site import Site
from lbdisc_lab.tasks.stage import Act, Stage

EACH = 25  # requests that every node answers before a step is over
_SMALL = ("s6-", "logger ", "sleep ")  # processes that every service has beside it
HOLD = 1.5  # seconds of traffic that a step gets at least
_APP = (
    "python -m lbdisc_lab.webapp"  # how the app's command line begins; the registrar's has it too
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A task and how it is played. ``static``: its nodes are listed by hand, in the folder.

    ``tasks`` are the numbers of those that it answers.
    """

    name: str
    tasks: tuple[str, ...]
    title: str
    question: str
    play: Callable[[Stage], None]
    static: bool = False


def _settled(stage: Stage, act: Act, *names: str) -> None:
    """Until HAProxy lists exactly these as up, each has answered, and for some time."""
    stage.site.until_listed(*names)
    stage.site.until_up(*names)
    act.seen()
    held = time.monotonic() + HOLD
    if names:
        stage.site.until_served(EACH * len(names), *names)
    stage.site.until(lambda: time.monotonic() > held, "some time of traffic")


def _start_balancer(stage: Stage) -> None:
    stage.site.start_registry()
    _start_ha(stage)


def _start_ha(stage: Stage) -> None:
    stage.site.start_balancer()
    stage.site.start_traffic()


def static_nodes(stage: Stage) -> None:
    """Task 0."""
    site = stage.site
    with stage.step(
        "two static nodes", "both nodes of the list that was written by hand are up and answer"
    ) as act:
        _start_balancer(stage)
        site.start_nodes("s1", "s2")
        for name in ("s1", "s2"):
            line = f"{name} {site.nodes[name].address}"
            site.balancer.execute("sh", "-c", f"echo {line} > /nodes/{name}")
            site.commands.append(f"docker exec ha sh -c 'echo {line} > /nodes/{name}'")
        _settled(stage, act, "s1", "s2")


def supervision(stage: Stage) -> None:
    """Task 1."""
    site = stage.site
    with stage.step("a supervisor in every container", "both nodes are up and answer") as act:
        _start_balancer(stage)
        site.start_nodes("s1", "s2")
        _settled(stage, act, "s1", "s2")
        for name in ("ha", "s1"):
            for words in site.containers[name].programs().values():
                if not words.startswith(_SMALL):
                    act.note(f"{name} runs {words}")
    with stage.step(
        "kill -9 the web app in s1",
        "s2 answers meanwhile; lbdisc in s1 sees the end of the app and ends too, S6 starts both"
        " again, and s1 serves",
    ) as act:
        with site.apart.because("in flight on the killed app"):
            _kill_app(stage, "s1")
        _settled(stage, act, "s1", "s2")
    with stage.step(
        "kill -9 lbdisc in ha", "HAProxy serves on, no request is lost; lbdisc is there again"
    ) as act:
        site.kill_program("ha", "lbdisc run")
        _settled(stage, act, "s1", "s2")
    with stage.step("kill -9 HAProxy in ha", "HAProxy is there again with both nodes") as act:
        with site.apart.because("HAProxy is dead"):
            site.kill_program("ha", "haproxy -W")
            site.until_up("s1", "s2")
            site.until_served(1)
        _settled(stage, act, "s1", "s2")


def _kill_app(stage: Stage, name: str) -> None:
    """kill -9 the app itself in the node ``name``; returns when there is another."""
    node, site = stage.site.nodes[name], stage.site

    def apps() -> set[int]:
        return {pid for pid, words in node.programs().items() if words.startswith(_APP)}

    killed = apps()
    assert killed, f"no app runs in {name}"
    site.commands.append(f"docker exec {name} kill -9 …  # {_APP}")
    node.execute("sh", "-c", f"kill -9 {' '.join(map(str, killed))}")
    site.until(lambda: bool(apps() - killed), f"another app in {name}")


def any_order(stage: Stage) -> None:
    """Task 2."""
    site = stage.site
    first = ALONE[site.backend.name]
    with stage.step("start s1, before anything else", first.wanted) as act:
        site.start_nodes("s1")
        _told(stage, act, "s1", first.pattern)
    if site.backend.server:
        with stage.step("start ha", "it runs, says that the registry is away, lists nobody") as act:
            _start_ha(stage)
            site.until_listed()
            _told(stage, act, "ha", f"] {RegistryLost.name} ")
    else:
        with stage.step("start ha", "it finds s1, which is up and answers") as act:
            _start_ha(stage)
            _settled(stage, act, "s1")
    last = "start the registry and s2" if site.backend.server else "start s2"
    with stage.step(last, "all have found together") as act:
        site.start_registry()
        site.start_nodes("s2")
        _settled(stage, act, "s1", "s2")
    with stage.step("restart ha", "it finds all nodes again") as act:
        site.commands.append("docker restart ha")
        with site.apart.because("the only balancer restarts"):
            site.balancer.restart()
            site.until_up("s1", "s2")
            site.until_served(1)
        _settled(stage, act, "s1", "s2")


@dataclass(frozen=True, slots=True)
class Alone:
    """What a node does that is started first of all, and the pattern of the log that shows it."""

    wanted: str
    pattern: str


_NO_SERVER = Alone(
    "it says that it cannot register, and tries again", "not registered, trying again"
)
ALONE = {
    "file": Alone("it lists itself in the folder, which is there before anybody", "registered "),
    "serf": Alone(
        "it says that it cannot join ha, and tries again", r"cannot join ha yet.* resolve ha\b"
    ),
    "etcd": _NO_SERVER,
    "zookeeper": _NO_SERVER,
}


def _told(stage: Stage, act: Act, name: str, pattern: str) -> None:
    """Until the container ``name`` has said what ``pattern`` matches."""
    container = stage.site.containers[name]

    def line() -> str:
        lines = container.logs().splitlines()
        return next((line for line in lines if re.search(pattern, line)), "")

    said = stage.site.until(line, f"{pattern!r} in the log of {name}")
    act.seen(f"the log of {name}")
    act.note(f"{name} said: {said}")


def joins_and_leaves(stage: Stage) -> None:
    """Tasks 3, 4 and 5."""
    site = stage.site
    with stage.step("ha alone", "HAProxy lists no server; 503 is the right answer") as act:
        _start_balancer(stage)
        _settled(stage, act)
    with stage.step("start s1", "s1 is up and answers") as act:
        site.start_nodes("s1")
        _settled(stage, act, "s1")
    with stage.step("start s2", "s1 and s2 are up and answer") as act:
        site.start_nodes("s2")
        _settled(stage, act, "s1", "s2")
    with stage.step("stop s1", "s2 alone is listed; s1 ended by itself") as act:
        site.stop_nodes("s1")
        _settled(stage, act, "s2")
        _ended_well(site, act, "s1")


def automatic_reload(stage: Stage) -> None:
    """Task 6."""
    site = stage.site
    with stage.step("start ha", "HAProxy lists no server; 503 is the right answer") as act:
        _start_balancer(stage)
        _settled(stage, act)
    with stage.step("start s1, s2", "both are up and answer") as act:
        site.start_nodes("s1", "s2")
        _settled(stage, act, "s1", "s2")
    with stage.step("start s3, s4, s5", "all five are up and answer") as act:
        site.start_nodes("s3", "s4", "s5")
        _settled(stage, act, "s1", "s2", "s3", "s4", "s5")
    with stage.step("stop s1, s3", "s2, s4 and s5 are up; s1 and s3 ended by themselves") as act:
        site.stop_nodes("s1", "s3")
        _settled(stage, act, "s2", "s4", "s5")
        _ended_well(site, act, "s1", "s3")


def _ended_well(site: Site, act: Act, *names: str) -> None:
    """These ended with code 0; 137 would be SIGKILL, ten seconds after ``docker stop``."""
    for name in names:
        code = site.nodes[name].exit_code
        act.note(f"{name} ended with exit code {code}")
        assert code == 0, f"{name} ended with exit code {code}, not 0"


class LabSite(Site):
    """The lab's: HAProxy's CLI answers at port 9999 of the balancer's loopback, and only tells."""

    def balancer_run(self) -> Run:
        run = super().balancer_run()
        variables = json.dumps({"cli_bind": "127.0.0.1:9999", "cli_level": "user"})
        return replace(run, environment={**run.environment, "LBDISC_JINJA2_VARS": variables})


class StaticSite(LabSite):
    """A site whose nodes know of no registry: the web app alone, listed by hand."""

    def node_run(self, name: str) -> Run:
        return replace(
            super().node_run(name),
            volumes=(),
            options=("--entrypoint", "python3"),
            command=("-m", "lbdisc_lab.webapp"),
        )


SCENES = (
    Scene(
        name="0",
        tasks=("0",),
        title="Task 0: two static nodes",
        question="The start of the lab: somebody writes the list of nodes. The same image does it,"
        " with its default registry, a folder; what follows is about nobody having to.",
        play=static_nodes,
        static=True,
    ),
    Scene(
        name="1",
        tasks=("1",),
        title="Task 1: a process supervisor",
        question="One process per container leaves no room for side processes, and a crash ends"
        " the container (M1, M5). S6 runs several, and what is killed comes back.",
        play=supervision,
    ),
    Scene(
        name="2",
        tasks=("2",),
        title="Task 2: membership, in any start order",
        question="Nodes, balancer and registry are started in the wrong order, and find together"
        " all the same (M3, M4).",
        play=any_order,
    ),
    Scene(
        name="3",
        tasks=("3", "4", "5"),
        title="Tasks 3, 4 and 5: joins and leaves, images of shared layers, a rendered list",
        question="Starting a node is the whole procedure (M2). The configuration is rendered from"
        " a template at every change (M6) and holds all members, no more and no fewer.",
        play=joins_and_leaves,
    ),
    Scene(
        name="6",
        tasks=("6",),
        title="Task 6: automatic reload, no request lost",
        question="The lab's last demonstration: one balancer, then two nodes, five, three.",
        play=automatic_reload,
    ),
)
