"""Further files on a real HAProxy: a map, an error page and a certificate list, with one agent."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers.certificates import Authority
from support import https
from support.scene import LBDISC, Scene, lost

DEFAULT = Path(__file__).parents[2] / "templates" / "haproxy.cfg.j2"
MAIN = """
{#- [vars]
root = { type = "text" }
port = { type = "whole number" }
pem = { type = "text" }
-#}
{% for e in services[0].endpoints if e.name == "clash" %}
global
    chroot {{ vars.root }}
{% endfor %}

frontend further
    bind 127.0.0.1:{{ vars.port }} ssl crt-list {{ file("tls/certs.list") | quote }}
    http-request return status 200 content-type text/plain lf-string \
%[path,map({{ file("maps/names.map") | quote }},nobody)] if !{ path /down }
    errorfile 503 {{ file("503.http") | quote }}
    default_backend none

backend none
"""
NAMES = "{% for e in services[0].endpoints %}/{{ e.name }} {{ e.port }}\n{% endfor %}"
CERTIFICATES = """{{ vars.pem }}
{% for e in services[0].endpoints if e.name == "bad" %}/nonexistent.pem
{% endfor %}"""
PAGE = """HTTP/1.0 503 Service Unavailable\r
Content-Type: text/plain\r
\r
{{ services[0].endpoints | length }} nodes, none for you
"""
FILES = {"maps/names.map": NAMES, "tls/certs.list": CERTIFICATES, "503.http": PAGE}


class Further(Scene):
    """A scene whose default template is followed by a frontend with three further files."""

    def __init__(self, folder: Path) -> None:
        self.tls_port = free_port()
        self.pem = folder / "site.pem"
        site = Authority(folder / "tls-authority").issue("site", "site")
        self.pem.write_text(site.pem)
        (folder / "own.j2").write_text(DEFAULT.read_text() + MAIN)
        for name, text in FILES.items():
            (folder / f"{Path(name).name}.j2").write_text(text)
        super().__init__(folder)

    def write_settings(self, **tables: object) -> None:
        names = tables.get("files", list(FILES))
        assert isinstance(names, list)
        variables = {"port": self.tls_port, "pem": str(self.pem)}
        variables["root"] = str(self.folder / "root")
        super().write_settings(
            jinja2={"template": str(self.folder / "own.j2")},
            vars={**variables, **tables.get("vars", {})},  # type: ignore[dict-item]
            haproxy=tables.get("haproxy", {}),  # type: ignore[arg-type]
            **{
                "jinja2.files": {
                    f'"{name}"': str(self.folder / f"{Path(name).name}.j2") for name in names
                }
            },
        )

    def get(self, path: str) -> str:
        return https.get(self.tls_port, path)

    def files(self) -> dict[str, str]:
        """What the agent's files hold."""
        names = ["haproxy.cfg", *FILES]
        paths = {name: self.state / name for name in names}
        return {name: path.read_text() for name, path in paths.items() if path.exists()}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Further]:
    with Further(tmp_path) as made:
        made.join("s1")
        made.agent()
        made.until_up("s1")
        yield made


def test_a_change_of_a_map_is_a_reload_that_loses_nothing(scene: Further) -> None:
    assert scene.get("/s1") == str(json.loads((scene.nodes / "nodes/s1.json").read_text())["port"])
    with scene.traffic() as traffic:
        scene.join("s2")
        eventually(lambda: scene.get("/s2") != "nobody")
        assert scene.get("/down").strip() == "2 nodes, none for you"
        scene.until_up("s1", "s2")
    assert lost(traffic) == []
    eventually(lambda: scene.status["generation"]["how"] == "reload")
    assert scene.status["generation"]["files"] == sorted(FILES)


def test_a_map_alone_changes_at_run_time_with_the_servers(tmp_path: Path) -> None:
    with Further(tmp_path) as scene:
        never = {"settle_after": 0}
        scene.write_settings(files=["maps/names.map", "tls/certs.list"], haproxy=never)
        text = (scene.folder / "own.j2").read_text()
        (scene.folder / "own.j2").write_text(
            "\n".join(line for line in text.splitlines() if "errorfile" not in line) + "\n"
        )
        scene.join("s1")
        scene.agent()
        scene.until_up("s1")
        before = scene.worker()
        with scene.traffic() as traffic:
            scene.join("s2")
            eventually(lambda: scene.get("/s2") != "nobody")
            scene.unlist("s1")
            eventually(lambda: scene.get("/s1") == "nobody")
        assert lost(traffic) == []
        eventually(lambda: scene.status["generation"]["how"] == "runtime")
        assert scene.worker() == before
        assert scene.files()["maps/names.map"].startswith("/s2 ")
        assert "s1" not in scene.config


def test_a_file_that_the_check_refuses_leaves_all_of_them(scene: Further) -> None:
    before = scene.files()
    scene.list("bad", 1)
    (problem,) = eventually(lambda: scene.status["problems"])
    assert problem["where"].startswith("nodes/bad@")
    error = problem["what"]
    assert "/nonexistent.pem" in error
    assert f"{scene.state}/haproxy.cfg:" in error
    assert ".tmp" not in error
    assert scene.files() == before
    assert scene.get("/bad") == "nobody"
    scene.unlist("bad")
    scene.join("s2")
    eventually(lambda: scene.get("/s2") != "nobody")
    assert scene.status["failure"] is None


def test_a_failed_reload_brings_back_all_files(scene: Further) -> None:
    # A folder that is not there passes the check, and the new worker does not come up.
    before = scene.files()
    scene.list("clash", 1)
    failure = eventually(lambda: scene.status["failure"], deadline=40)
    assert "Try 1 took" in failure["error"]
    found = scene.files()
    assert "chroot" not in found.pop("haproxy.cfg")
    assert found == {name: text for name, text in before.items() if name != "haproxy.cfg"}
    (scene.folder / "root").mkdir()
    scene.hup()
    eventually(lambda: scene.get("/clash") == "1", deadline=40)


def test_a_file_that_is_not_wanted_any_more_goes(scene: Further) -> None:
    template = scene.folder / "own.j2"
    template.write_text(
        "".join(line for line in template.read_text().splitlines(True) if "errorfile" not in line)
    )
    scene.write_settings(files=["maps/names.map", "tls/certs.list"])
    scene.hup()
    eventually(lambda: "503.http" not in scene.files())
    eventually(lambda: "No server is available" in scene.get("/down"))


def test_a_file_that_is_still_mentioned_does_not_go(scene: Further) -> None:
    template = scene.folder / "own.j2"
    here = template.read_text().replace("{{ file(", "{{ state_dir ~ '/' ~ (")
    template.write_text(here)
    scene.write_settings(files=["maps/names.map", "tls/certs.list"])
    scene.hup()
    eventually(lambda: scene.status["settings_refused"])
    assert "503.http" in scene.status["settings_refused"]["error"]
    assert "503.http" in scene.files()


def test_a_restart_knows_its_files(scene: Further) -> None:
    agent = scene.status["pid"]
    os.kill(agent, signal.SIGKILL)
    scene.list("s2", 1)
    scene.agent()
    eventually(lambda: scene.get("/s2") == "1")
    assert scene.status["failure"] is None


def test_names_beside_the_main_file_are_understood(scene: Further) -> None:
    template = scene.folder / "own.j2"
    text = template.read_text().replace("{{ file(", "{{ (")
    template.write_text(text.replace("global\n", "global\n    default-path config\n", 1))
    scene.hup()
    eventually(lambda: "crt-list tls/certs.list" in scene.config)
    scene.list("s2", 2)
    eventually(lambda: scene.get("/s2") == "2")
    assert scene.status["failure"] is None


def test_files_of_others_are_not_written_over(tmp_path: Path) -> None:
    with Further(tmp_path) as scene:
        scene.state.mkdir()
        (scene.state / "503.http").write_text("mine")
        scene.list("s1", 1)
        scene.agent(until_running=False)
        eventually(lambda: scene.status["failure"])
        said = f"{scene.state}/503.http is there and was not written by lbdisc: move it away"
        assert said in scene.status["failure"]["error"]
        assert scene.files() == {"503.http": "mine"}
        (scene.state / "503.http").unlink()
        eventually(lambda: scene.get("/s1") == "1")


def test_the_commands_speak_of_all_files(scene: Further) -> None:
    scene.list("s2", 1)
    os.kill(scene.status["pid"], signal.SIGSTOP)
    try:
        scene.list("s3", 3)

        def said(*arguments: str) -> str:
            process = scene.lbdisc(*arguments, name="-".join(arguments).replace("/", "-"))
            process.wait()
            return process.log.read_text()

        assert said("render", "--file", "maps/names.map").endswith("/s3 3\n")
        assert "no file 'x' is rendered (known: 503.http, maps/names.map" in said(
            "render", "--file", "x"
        )
        assert f"--- {scene.state}/maps/names.map\n" in said("render", "--diff")
        assert "+/s3 3\n" in said("render", "--diff")
        plan = said("plan")
        assert plan.startswith("reload: file 503.http: changed (and 1 more)\n")
        assert "  file maps/names.map: changed\n" in plan
        assert json.loads(said("plan", "--json"))["files"]["maps/names.map"] == "changed"
        assert "503.http, maps/names.map, tls/certs.list" in said("status")
    finally:
        os.kill(scene.status["pid"], signal.SIGCONT)


def test_config_check_sees_the_further_files(scene: Further) -> None:
    command = [str(LBDISC), "config", "check", "-c", str(scene.settings)]
    good = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert good.returncode == 0, good.stderr
    (scene.folder / "certs.list.j2").write_text("/nonexistent.pem\n")
    bad = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert bad.returncode == 1
    assert "/nonexistent.pem" in bad.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../up", "jinja2.files: bad file name '../up'"),
        ("haproxy.cfg", "jinja2.files: haproxy.cfg is the output itself"),
    ],
)
def test_a_bad_name_is_an_error_of_the_settings(tmp_path: Path, name: str, said: str) -> None:
    scene = Further(tmp_path)
    shutil.copy(scene.folder / "503.http.j2", scene.folder / f"{Path(name).name}.j2")
    scene.write_settings(files=[name])
    done = subprocess.run(
        [LBDISC, "config", "check", "-c", scene.settings],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    assert said in done.stderr
