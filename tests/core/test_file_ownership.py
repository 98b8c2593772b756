"""Who may say what in a folder of nodes: users of the file system, with real user ids."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.builtin.file.registrar import FileRegistrar
from lbdisc.builtin.file.settings import FileSettings
from lbdisc.testing import Holding, eventually
from lbdisc.values import Endpoint
from support.users import NEIGHBOUR, ONLY_ROOT, STRANGER, open_folder, ran_by

ENDPOINT = Endpoint(service="web", name="s1", address="10.0.0.7", port=80)
RECORD = '{"address": "10.0.0.9", "port": 81}'


@pytest.fixture
def web() -> Iterator[Path]:
    """As docs/file.md says: all may add to a service's folder, and change only what is theirs."""
    with open_folder() as made:
        for name, mode in (("web", 0o1777), ("_agents", 0o755)):
            (made / name).mkdir()
            (made / name).chmod(mode)
        yield made / "web"


def registrar(web: Path, ttl: float = 10.0) -> FileRegistrar:
    return FileRegistrar(FileSettings(dir=web.parent, ttl=ttl))


def rival(web: Path) -> str:
    """Who keeps a registrar of ours from the name."""
    with Holding(registrar(web), ENDPOINT) as holding:
        return str(eventually(lambda: holding.rival))


REGISTERS = """
import sys, pathlib
from threading import Event
from lbdisc.builtin.file.registrar import FileRegistrar
from lbdisc.builtin.file.settings import FileSettings
from lbdisc.values import Endpoint
folder, service, name, port = sys.argv[1:]
registrar = FileRegistrar(FileSettings(dir=pathlib.Path(folder), ttl=600))
endpoint = Endpoint(service=service, name=name, address="10.0.0.7", port=int(port))
try:
    with registrar.open(endpoint, Event()) as entry:
        print(entry.put(endpoint), entry.rival)
except Exception as error:
    print(type(error).__name__, error)
"""
DAMAGES = """
import os, sys
for do in (lambda p: os.unlink(p), lambda p: open(p, "w"), lambda p: os.rename(p, p + "x"),
           lambda p: os.utime(p), lambda p: os.replace(p[:-5], p)):
    try: do(sys.argv[1]); print("done")
    except PermissionError: print("refused")
"""


@ONLY_ROOT
def test_each_node_registers_itself_and_none_another(web: Path) -> None:
    ours = ran_by(NEIGHBOUR, REGISTERS, web.parent, "web", "s1", "80")
    assert ours.stdout == "True \n", ours.stderr
    theirs = ran_by(STRANGER, REGISTERS, web.parent, "web", "s2", "80")
    assert theirs.stdout == "True \n", theirs.stderr
    taken = ran_by(STRANGER, REGISTERS, web.parent, "web", "s1", "666")
    assert taken.stdout == f"False {web}/s1.json, it belongs to user {NEIGHBOUR}\n"
    (web / "s1").write_text("s1 10.6.6.6 666")
    os.chown(web / "s1", STRANGER, STRANGER)
    assert set(ran_by(STRANGER, DAMAGES, web / "s1.json").stdout.split()) == {"refused"}
    assert json.loads((web / "s1.json").read_text())["port"] == 80


@ONLY_ROOT
def test_nobody_speaks_for_an_agent_but_its_user(web: Path) -> None:
    said = ran_by(STRANGER, REGISTERS, web.parent, "_agents", "lb1", "1").stdout
    assert said.startswith("WriteRefused file.dir: cannot write"), said
    assert list((web.parent / "_agents").iterdir()) == []


@ONLY_ROOT
@pytest.mark.parametrize("content", [RECORD, "rubbish"])
def test_a_file_of_another_user_is_never_overwritten(web: Path, content: str) -> None:
    file = web / "s1.json"
    file.write_text(content)
    os.chown(file, STRANGER, STRANGER)
    assert rival(web) == f"{file}, it belongs to user {STRANGER}"
    assert file.read_text() == content


@ONLY_ROOT
def test_another_users_copy_of_our_owner_is_not_ours(web: Path) -> None:
    file = web / "s1.json"
    with Holding(registrar(web), ENDPOINT) as holding:
        holding.held(deadline=30)
        copy = file.with_name(".copy")
        copy.write_text(file.read_text())
        os.chown(copy, STRANGER, STRANGER)
        copy.replace(file)
        assert eventually(lambda: holding.rival) == f"{file}, it belongs to user {STRANGER}"
    assert file.exists()


@ONLY_ROOT
def test_what_another_users_ended_lease_leaves_is_taken_over(web: Path) -> None:
    file = web / "s1.json"
    file.write_text(RECORD.replace("}", ', "ttl": 0.001, "owner": "dead"}'))
    os.chown(file, STRANGER, STRANGER)
    with Holding(registrar(web), ENDPOINT) as holding:
        holding.held(deadline=30)
    assert not file.exists()


def test_no_link_is_written_through(web: Path) -> None:
    victim = web.parent / "victim"
    victim.write_text("theirs")
    (web / "s1.json").symlink_to(victim)
    assert rival(web) == f"{web}/s1.json, a link: remove it"
    assert victim.read_text() == "theirs"


def test_a_link_that_leads_nowhere_is_left_alone(web: Path) -> None:
    (web / "s1.json").symlink_to(web.parent / "nowhere")
    assert rival(web) == f"{web}/s1.json, a link: remove it"
    assert not (web.parent / "nowhere").exists()


def test_a_line_that_has_the_name_already_is_a_rival(web: Path) -> None:
    (web / "s1").write_text("s1 10.0.0.9 81")
    assert rival(web) == f"{web}/s1, which has the name: remove it"


def test_a_line_that_comes_later_is_none(web: Path) -> None:
    with Holding(registrar(web, ttl=0.3), ENDPOINT) as holding:
        holding.held(deadline=30)
        (web / "s1").write_text("s1 10.0.0.9 81")
        renewed = (web / "s1.json").stat().st_mtime
        eventually(lambda: (web / "s1.json").stat().st_mtime > renewed)
        assert not holding.rival
