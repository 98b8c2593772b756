"""What a stranger's plugin does wrong is told under its name, and harms no command."""

import json
from pathlib import Path

import pytest

from lbdisc.testing.processes import Process
from support import strangers
from support.scene import LBDISC

NAME = "probe (lbdisc-probe)"
IMPORTS = "import sys\nfrom lbdisc import Provider, hookimpl\n"
WRONG_RETURN = "class D: pass\n@hookimpl\ndef lbdisc_discovery(): return D\n"
OLD_HOOK = "@hookimpl\ndef lbdisc_applied(generation): pass\n"
COMMAND = "@hookimpl\ndef lbdisc_commands(app): {}\n"
WORKING = """
@hookimpl
def lbdisc_commands(app, context):
    @app.command()
    def probe():
        print(context.settings.core.backend, context.status)
"""


class Stranger:
    """The command line beside a plugin."""

    def __init__(self, folder: Path, source: str) -> None:
        self._folder = folder
        self._environment = {
            "PYTHONPATH": strangers.install(folder / "plugin", IMPORTS + source),
            "LBDISC_STATE_DIR": str(folder),
            "LBDISC_FILE_DIR": str(folder),
        }

    def lbdisc(self, *arguments: str, code: int = 0) -> str:
        log = self._folder / "log"
        with Process([LBDISC, *arguments], log=log, environment=self._environment) as process:
            assert process.wait() == code, process.log_tail()
        return log.read_text()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (WRONG_RETURN, "lbdisc_discovery returned the class D, no Provider"),
        (OLD_HOOK, "the hook lbdisc_applied is gone: lbdisc_listener replaced it"),
        (COMMAND.format("raise RuntimeError('boom')"), "RuntimeError: boom"),
        (COMMAND.format("sys.exit(3)"), "SystemExit: 3"),
        ("sys.exit(4)", "SystemExit: 4"),
    ],
    ids=["no provider", "old hook", "command raises", "command exits", "import exits"],
)
def test_it_is_broken_by_name_and_the_others_go_on(tmp_path: Path, source: str, said: str) -> None:
    stranger = Stranger(tmp_path, source)
    broken = json.loads(stranger.lbdisc("plugins", "--json", code=1))["broken"]
    assert broken == [{"plugin": NAME, "reason": said}]
    assert "SERVICE" in stranger.lbdisc("nodes")


def test_a_command_that_is_missing_since_its_plugin_is_broken_is_told_as_such(
    tmp_path: Path,
) -> None:
    stranger = Stranger(tmp_path, COMMAND.format("raise RuntimeError('boom')"))
    said = stranger.lbdisc("probe", code=2)
    assert f"lbdisc: plugin {NAME} is broken: RuntimeError: boom\n" in said


def test_a_command_has_settings_and_status(tmp_path: Path) -> None:
    assert Stranger(tmp_path, WORKING).lbdisc("probe") == "file None\n"
