"""The command line: mistakes are one line and an exit code, help has examples and comes soon."""

import json
import socket
import subprocess
from pathlib import Path

import pytest

from lbdisc.cli import COMMANDS
from lbdisc.testing.waiting import eventually
from support.scene import LBDISC, Scene


def lbdisc(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    import os

    env = {key: value for key, value in os.environ.items() if not key.startswith("LBDISC_")}
    return subprocess.run(
        [LBDISC, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=30,
        env={**env, **environment},
    )


def refused(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The one line that says why."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("lbdisc: ")]
    assert done.returncode == code, done.stderr
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return lines[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    done = lbdisc(command, "--help")
    assert done.returncode == 0
    assert "xample: lbdisc" in done.stdout


def test_help_lists_the_commands_and_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [LBDISC.replace("bin/lbdisc", "bin/python"), "-X", "importtime", LBDISC, "--help"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert [name for name in COMMANDS if name not in done.stdout] == []
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    heavy = {
        "pydantic",
        "pydantic_settings",
        "structlog",
        "jinja2",
        "inotify_simple",
        "rich",
        "asyncio",
    }
    plugins = {"grpc", "etcd3", "kazoo", "msgpack", "starlette", "httpx"}
    assert imported & (heavy | plugins) == set()


BARE = """
global
    stats socket /nonexistent/h.sock
defaults
    mode http
    timeout client 1s
    timeout connect 1s
    timeout server 1s
frontend web
    bind 127.0.0.1:1
    default_backend {{ services[0].name }}
{% for s in services %}
backend {{ s.name }}
{% for e in s.endpoints %}
    server {{ e.name }} {{ e.host_port }} weight {{ e.weight }}
{% endfor %}
{% endfor %}
"""


def test_an_unknown_backend_lists_the_known_ones(tmp_path: Path) -> None:
    line = refused(lbdisc("run", "--backend", "consul", "--set", f"state_dir={tmp_path}"), 2)
    assert "no plugin offers the discovery 'consul' (known: " in line
    assert "file" in line


def test_a_missing_folder_names_the_setting(tmp_path: Path) -> None:
    done = lbdisc(
        "run", "--set", f"state_dir={tmp_path / 's'}", "--set", f"file.dir={tmp_path / 'gone'}"
    )
    assert "file.dir" in refused(done, 2)


def test_a_missing_haproxy_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "nodes").mkdir()
    done = lbdisc(
        "run",
        "--once",
        *("--set", f"state_dir={tmp_path / 's'}", "--set", f"file.dir={tmp_path / 'nodes'}"),
        *("--set", "haproxy.binary=no-such-haproxy"),
    )
    assert "haproxy.binary" in refused(done, 2)


def test_a_taken_port_is_one_line_in_the_log_and_is_tried_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, Scene(tmp_path) as scene:
        port = taken.getsockname()[1]
        scene.write_settings(vars={"http_bind": f"127.0.0.1:{port}"})
        done = lbdisc("run", "--once", "--config", scene.settings)
        line = refused(done, 1)
    assert f"port {port} is taken" in line


def test_unreadable_settings_are_named(tmp_path: Path) -> None:
    assert "gone.toml: No such file" in refused(
        lbdisc("config", "show", "--config", tmp_path / "gone.toml"), 2
    )
    (tmp_path / "bad.toml").write_text("backend = [\n")
    assert "bad.toml" in refused(lbdisc("run", "--config", tmp_path / "bad.toml"), 2)


def test_config_show_tells_origins_and_masks_secrets(tmp_path: Path) -> None:
    (tmp_path / "lbdisc.toml").write_text('backend = "etcd"\n')
    done = lbdisc(
        *("config", "show", "--json", "--config", tmp_path / "lbdisc.toml"),
        LBDISC_ETCD_USER="lb",
        LBDISC_ETCD_PASSWORD="hush-hush",
    )
    rows = json.loads(done.stdout)["settings"]
    assert rows["backend"] == {"value": "etcd", "origin": str(tmp_path / "lbdisc.toml")}
    assert rows["etcd.password"]["origin"] == "environment LBDISC_ETCD_PASSWORD"
    assert "hush-hush" not in done.stdout + done.stderr


def test_config_check_finds_what_haproxy_would_refuse(tmp_path: Path) -> None:
    (tmp_path / "nodes").mkdir()
    common = ("--set", f"state_dir={tmp_path}", "--set", f"file.dir={tmp_path / 'nodes'}")
    assert lbdisc("config", "check", *common).returncode == 0
    done = lbdisc("config", "check", *common, "--set", 'jinja2.vars={"balance": "fastest"}')
    line = refused(done, 1)
    assert "parsing [haproxy.cfg:" in line
    assert "balance" in line


def test_config_check_tries_endpoints_of_all_kinds(tmp_path: Path) -> None:
    (tmp_path / "nodes").mkdir()
    (tmp_path / "own.j2").write_text(BARE)
    common = ("--set", f"state_dir={tmp_path}", "--set", f"file.dir={tmp_path / 'nodes'}")
    own = ("--set", f"jinja2.template={tmp_path / 'own.j2'}")
    done = lbdisc("config", "check", *common, *own, "--set", "services=web,api")
    assert done.returncode == 0
    warnings = [row for row in done.stderr.splitlines() if row.startswith("lbdisc: warning: ")]
    for words in ("level admin", "server-state-file", "idle-close", "init-addr", "draining"):
        assert any(words in row for row in warnings), words
    (tmp_path / "own.j2").write_text(BARE.replace("e.host_port", "e.address ~ ':x'"))
    line = refused(lbdisc("config", "check", *common, *own), 1)
    assert "with made-up endpoints: HAProxy refuses" in line


def test_config_check_has_no_warning_for_the_templates_that_travel_along(tmp_path: Path) -> None:
    (tmp_path / "nodes").mkdir()
    common = ("--set", f"state_dir={tmp_path}", "--set", f"file.dir={tmp_path / 'nodes'}")
    done = lbdisc("config", "check", *common, "--set", "services=web,api")
    assert (done.returncode, done.stderr) == (0, "")


def test_status_without_an_agent_says_so(tmp_path: Path) -> None:
    line = refused(lbdisc("status", "--set", f"state_dir={tmp_path}"), 1)
    assert "no agent has used state_dir" in line


def test_a_second_agent_in_one_state_folder_is_refused(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        scene.join("s1")
        scene.agent()
        scene.until_up("s1")
        assert "another lbdisc uses state_dir" in refused(
            lbdisc("run", "--config", scene.settings), 1
        )


def test_status_of_a_running_agent_shows_what_is_served(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        scene.join("s1")
        scene.agent()
        scene.until_up("s1")
        done = lbdisc("status", "--config", scene.settings)
        assert done.returncode == 0, done.stdout
        assert "running (process" in done.stdout
        assert "s1" in done.stdout
        eventually(lambda: scene.status["announced"], what="the agent's announcement")
        found = json.loads(lbdisc("status", "--json", "--config", scene.settings).stdout)
        assert found["generation"]["number"] >= 1
        assert found["announced"]


def test_render_prints_and_changes_nothing(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        scene.list("s1", 3000)
        done = lbdisc("render", "--check", "--config", scene.settings)
        assert "server s1 127.0.0.1:3000 check" in done.stdout
        diff = lbdisc("render", "--diff", "--config", scene.settings)
        assert "+    server s1 127.0.0.1:3000 check" in diff.stdout
        assert not (scene.state / "haproxy.cfg").exists()


def test_template_export_hands_out_a_copy_and_replaces_none(tmp_path: Path) -> None:
    assert lbdisc("template", "export", tmp_path).returncode == 0
    assert "nodes | each(server)" in (tmp_path / "haproxy.cfg.j2").read_text()
    assert "--force" in refused(lbdisc("template", "export", tmp_path), 1)


def test_plugins_lists_who_offers_what() -> None:
    offers = json.loads(lbdisc("plugins", "--json").stdout)["offers"]
    assert {"kind": "renderer", "name": "jinja2", "plugin": "lbdisc (jinja2)"} in offers


def test_shell_completion_is_offered() -> None:
    # Which shell it is for is told by the process above.
    asked = ["bash", "-c", f"{LBDISC} --show-completion; exit $?"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=30)
    assert "complete" in done.stdout
