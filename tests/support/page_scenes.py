"""Pictures of the page of a real agent in six scenes, and of `lbdisc top` beside it.

`PYTHONPATH=tests python -m support.page_scenes FOLDER [SCENE…]` writes SCENE-light.png,
-dark.png and -phone.png, and what terminals of two sizes show.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, expect

from support.own_template import OWN_TEMPLATE
from support.pages import browser, window
from support.scene import LBDISC
from support.stage import Stage
from support.web_pages import TOKEN

# Each join needs a reload, and that a file which is gone.
COUNTED = "    timeout tunnel {{ services[0].endpoints | length }}h\n"
NODES = [f"web-{number}" for number in range(1, 9)]
LOOKS = {"light": (1280, False), "dark": (1280, True), "phone": (390, False)}
SETTLED = 8.0  # seconds, so that times are of some seconds, and HAProxy was asked again


def in_step(scene: Stage) -> str:
    scene.apps["web-3"].kill()
    (scene.nodes / "nodes" / "odd.json").write_text('{"address": "10.0.0.1", "port": "http"}')
    return "7 of 8 up"


def registry_lost(scene: Stage) -> str:
    scene.nodes.rename(scene.folder / "away")
    return "registry file lost"


def guard_holds(scene: Stage) -> str:
    for name in NODES[:6]:
        scene.unlist(name)
    return "the guard holds 6"


def paused(scene: Stage) -> str:
    for words in (
        ("drain", "nodes/web-2", "--for", "1h", "--why", "replacing its disk"),
        ("weight", "nodes/web-5", "20", "--why", "slower since the upgrade"),
        ("pause", "--for", "30m", "--why", "database migration"),
    ):
        subprocess.run([LBDISC, *words, "--config", str(scene.settings)], check=True)
    scene.join("web-9")
    return "paused by"


def apply_failed(scene: Stage) -> str:
    (scene.folder / "503.http").unlink()
    scene.join("web-9")
    return "503.http"


def of_all_kinds(scene: Stage) -> str:
    """That of docs/web."""
    other = {"state_dir": scene.folder / "other", "agent.name": "lb2", "reloader": "command"}
    sets = {**other, "command.reload": "true", "web.bind": ""}
    scene.lbdisc("run", *(w for key, v in sets.items() for w in ("--set", f"{key}={v}")))
    drain = ("drain", "nodes/web-2", "--for", "30m", "--why", "replacing its disk")
    subprocess.run([LBDISC, *drain, "--config", str(scene.settings)], check=True)
    scene.list("web-5", scene.app("web-5"), tags={"zone": "b"}, owner="a registrar")
    in_step(scene)
    return "lb2"


SCENES: dict[str, Callable[[Stage], str]] = {
    one.__name__: one
    for one in (in_step, registry_lost, guard_holds, paused, apply_failed, of_all_kinds)
}


@contextmanager
def played(name: str) -> Iterator[Stage]:
    """The scene, once it has come to what it is about."""
    with tempfile.TemporaryDirectory(prefix="lbp-") as folder, Stage(Path(folder)) as scene:
        if name == "apply_failed":
            error = scene.folder / "503.http"
            error.write_text("HTTP/1.0 503 Service Unavailable\r\n\r\n")
            template = scene.folder / "own.cfg.j2"
            template.write_text(
                OWN_TEMPLATE.replace(
                    "defaults\n", f"defaults\n    errorfile 503 {error}\n{COUNTED}"
                )
            )
            scene.write_settings(**{**scene._own, "jinja2": {"template": str(template)}})
        if name == "of_all_kinds":
            scene.write_settings(**{**scene._own, "web": {"bind": str(scene.page), "token": TOKEN}})
        for node in NODES:
            scene.list(node, scene.app(node), owner="a registrar")
        scene.agent()
        scene.until_up(*NODES)
        word = SCENES[name](scene)
        with scene.traffic(rate=40):
            time.sleep(SETTLED)
        with browser() as chromium:
            page = window(chromium).new_page()
            page.goto(f"http://127.0.0.1:{scene.page}")
            expect(page.locator("body")).to_contain_text(word, timeout=60_000)
        yield scene


def pictures(chromium: Browser, url: str, name: str, folder: Path) -> None:
    for look, (width, dark) in LOOKS.items():
        page = window(chromium, width=width, dark=dark).new_page()
        page.goto(url)
        expect(page.locator("#line")).to_have_text("live", timeout=60_000)
        page.screenshot(path=folder / f"{name}-{look}.png", full_page=True)
        page.context.close()


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or SCENES:
        with played(name) as scene, browser() as chromium:
            pictures(chromium, f"http://127.0.0.1:{scene.page}", name, folder)
            for width, height in ((80, 24), (40, 24)):
                command = f"{LBDISC} top --config {scene.settings}"
                shown = in_terminal(command, width, height)
                (folder / f"{name}-{width}x{height}.txt").write_text(shown)


def in_terminal(command: str, width: int, height: int) -> str:
    """What a terminal of that size shows (tmux)."""
    tmux = ["tmux", "-L", f"lbdisc-{time.monotonic_ns()}"]
    size = ["-x", str(width), "-y", str(height)]
    subprocess.run([*tmux, "new-session", "-d", "-s", "top", *size, command], check=True)
    time.sleep(4)
    told = subprocess.run(
        [*tmux, "capture-pane", "-p", "-t", "top"], capture_output=True, text=True
    )
    subprocess.run([*tmux, "kill-server"], check=False)
    return told.stdout


if __name__ == "__main__":
    main()
