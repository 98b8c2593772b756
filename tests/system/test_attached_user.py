"""lbdisc as a user other than root beside a HAProxy that root has started: docs/attach.md."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc import atomic
from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers.certificates import Authority
from support.attached import Attached
from support.scene import lost

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")

NOBODY_YET = 54321  # a user and a group that no system has
AS_USER = ["setpriv", f"--reuid={NOBODY_YET}", f"--regid={NOBODY_YET}", "--clear-groups"]
LETS_IN = f"mode 660 gid {NOBODY_YET}"


def beside_root(folder: Path, stats: str) -> Attached:
    """The user owns the folders of the file and of the state, as the recipe says."""
    place = Attached(folder, stats=stats, prefix=AS_USER)
    place.serve("w1", "w2")
    place.enlist("w1", "w2")
    for path in (place.state, place.config.parent, place.config, folder / "nodes" / "web"):
        os.chown(path, NOBODY_YET, NOBODY_YET)
    return place


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that others may look into."""
    with tempfile.TemporaryDirectory(prefix="lbdisc-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def test_the_recipe_lets_another_user_follow_the_registry(folder: Path) -> None:
    with beside_root(folder, LETS_IN) as place:
        place.haproxy(options=f"mode,660,gid,{NOBODY_YET}")
        with place.traffic() as traffic:
            place.agent()
            place.until_in_step()
            assert place.config.stat().st_uid == NOBODY_YET
            place.unlist("w2")
            eventually(lambda: place.status["generation"]["how"] == "runtime")
            place.enlist("w2")
            eventually(lambda: "server w2 " in place.config.read_text())
        assert lost(traffic) == []


def test_a_master_socket_of_roots_alone_is_said_with_owner_and_mode(folder: Path) -> None:
    with beside_root(folder, LETS_IN) as place:
        before = place.config.read_text()
        place.haproxy(options="mode,600")
        place.agent()
        said = place.until_refused(f"user {NOBODY_YET} may not open the socket {place.master}")
        assert "owner root, group root, mode 600" in said
        assert f"-S {place.master},mode,660,group,{NOBODY_YET}" in said
        assert "start it with -W" not in said
        assert place.config.read_text() == before


def test_a_stats_socket_of_roots_alone_costs_no_reload_after_the_other(folder: Path) -> None:
    with beside_root(folder, "mode 600") as place:
        place.haproxy(options=f"mode,660,gid,{NOBODY_YET}")
        worker = place.worker
        place.agent()
        said = place.until_refused("admin.sock has owner root, group root, mode 600")
        assert f"mode 660 and group {NOBODY_YET}" in said
        eventually(lambda: place.status["failure"]["times"] > 3, what="more tries")
        assert place.worker == worker


def test_a_folder_on_the_way_is_named_where_that_is_closed(folder: Path) -> None:
    with beside_root(folder, LETS_IN) as place:
        place.haproxy(options=f"mode,660,gid,{NOBODY_YET}")
        place.master.parent.chmod(0o700)
        code, said = place.lbdisc("run", "--once")
        assert code == 1
        assert f"the folder {place.master.parent} has owner root, group root, mode 700" in said


def test_roots_ports_are_no_error_where_haproxy_is_roots(folder: Path) -> None:
    with beside_root(folder, LETS_IN) as place:
        place.haproxy(options=f"mode,660,gid,{NOBODY_YET}")
        text = place.template.read_text()
        low = "frontend front\n    bind 127.77.0.9:81\n"
        place.template.write_text(text.replace("frontend front\n", low))
        assert place.lbdisc("run", "--once")[0] == 0


def test_a_folder_that_may_not_be_written_is_said(folder: Path) -> None:
    with beside_root(folder, LETS_IN) as place:
        place.haproxy(options=f"mode,660,gid,{NOBODY_YET}")
        os.chown(place.config.parent, 0, 0)
        code, said = place.lbdisc("run", "--once")
        assert code == 1
        assert str(place.config.parent) in said
        assert "Permission denied" in said


def test_root_may_adopt_for_the_agent_of_another_user(folder: Path) -> None:
    with beside_root(folder, LETS_IN) as place:
        place.unlist("w1", "w2")
        place.haproxy(options=f"mode,660,gid,{NOBODY_YET}")
        place.agent()
        place.until_refused("takes 2 of 2")
        assert place.lbdisc("adopt", prefix=())[0] == 0
        place.until_in_step()
        assert (place.state / "written.jsonl").stat().st_uid == NOBODY_YET


def test_a_key_that_only_root_may_read_is_no_hindrance_and_its_renewal_a_reload(
    folder: Path,
) -> None:
    authority = Authority(folder / "authority")
    pem = folder / "site.pem"

    def renew() -> None:
        made = authority.issue("site", "site")
        atomic.write(pem, made.pem, mode=0o600)

    renew()
    with beside_root(folder, LETS_IN) as place:
        for path in (place.config, place.template):
            tls = f"frontend front\n    bind 127.0.0.1:{free_port()} ssl crt {pem}\n"
            path.write_text(path.read_text().replace("frontend front\n", tls))
        place.haproxy(options=f"mode,660,gid,{NOBODY_YET}")
        place.agent()
        place.until_in_step()
        place.unlist("w2")
        eventually(lambda: "server w2 " not in place.config.read_text())
        before = place.worker
        renew()
        eventually(lambda: place.status["generation"]["how"] == "reload")
        assert place.worker != before
        assert place.status["refused"] == []
