"""Which file an attached HAProxy runs: asked before anything is written, and said by both names."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.testing.waiting import eventually
from support.attached import Attached

SETTINGS = 2


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Attached]:
    """A file written by hand and not yet served, whose servers the registry lists."""
    with Attached(tmp_path) as made:
        made.serve("w1", "w2")
        made.enlist("w1", "w2")
        yield made


def test_an_output_that_haproxy_does_not_run_is_named_with_the_one_it_runs(
    place: Attached,
) -> None:
    place.haproxy()
    other = place.folder / "conf" / "other.cfg"
    place.set(core={"output": str(other)})
    place.agent()
    said = place.until_refused(f"does not run {other}: it runs {place.config}")
    assert f'set output = "{place.config}"' in said
    assert not other.exists()


@pytest.mark.parametrize("command", ["plan", "config check", "run --once"])
def test_commands_say_it_before_anything_is_done(place: Attached, command: str) -> None:
    place.haproxy()
    place.set(core={"output": str(place.folder / "conf" / "other.cfg")})
    code, said = place.lbdisc(*command.split())
    assert code == SETTINGS
    assert f"it runs {place.config}; set output" in said


def test_the_same_file_by_another_name_is_no_other_file(place: Attached) -> None:
    place.haproxy("-C", place.config.parent, "-f", "haproxy.cfg")
    link = place.folder / "link"
    link.symlink_to(place.folder / "conf")
    place.set(core={"output": str(link / "haproxy.cfg")})
    assert place.lbdisc("run", "--once")[0] == 0


def test_behind_two_dashes_there_are_files_too(place: Attached) -> None:
    place.haproxy("--", place.config)
    assert place.lbdisc("run", "--once")[0] == 0


def test_one_of_several_files_is_written_and_the_others_are_named(place: Attached) -> None:
    more = place.folder / "more.cfg"
    more.write_text("backend spare\n    server s 127.0.0.1:9\n")
    place.haproxy("-f", place.config, "-f", more)
    assert f"runs {more} beside {place.config}" in place.lbdisc("config", "check")[1]
    assert f"runs {more} beside {place.config}" in place.lbdisc("plan")[1]
    place.agent()
    log = place.folder / "agent.log"
    eventually(lambda: f"runs {more} beside" in log.read_text(), what="a line in the log")


def test_of_a_folder_haproxy_reads_what_ends_in_cfg(place: Attached) -> None:
    place.haproxy("-f", "conf")
    assert place.lbdisc("config", "check")[0] == 0
    place.set(core={"output": str(place.folder / "conf" / "haproxy.conf")})
    code, said = place.lbdisc("config", "check")
    assert code == SETTINGS
    assert "of a folder it reads only what ends in .cfg" in said


def test_a_haproxy_that_cannot_be_seen_is_not_held_against_anybody(place: Attached) -> None:
    """Its master says a process id that means another process here, as from a container."""
    command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    place.haproxy(prefix=command)
    place.agent()
    place.until_in_step()
