"""What the reloader plans; what it does to a HAProxy is in tests/system."""

from pathlib import Path

import pytest

from lbdisc.haproxy.errors import Unreachable
from lbdisc.haproxy.reloader import HaproxyReloader
from lbdisc.haproxy.settings import HaproxySettings

SERVERS = "backend b\n  server a 10.0.0.1:80\n"
SOCKET = "global\n  stats socket /run/none.sock level admin\n"


def reloader(*, runtime: bool = True) -> HaproxyReloader:
    return HaproxyReloader(HaproxySettings(master_socket="/run/none", runtime=runtime))


def test_without_an_admin_socket_every_change_is_a_reload() -> None:
    planned = reloader().plan(SERVERS, f"{SERVERS}  server c 10.0.0.2:80\n")
    assert planned.how == "reload"
    assert "no 'stats socket' of level admin" in planned.detail


def test_a_plan_before_anything_was_applied_goes_by_the_texts() -> None:
    planned = reloader().plan(SOCKET + SERVERS, f"{SOCKET}{SERVERS}  server c 10.0.0.2:80\n")
    assert planned.how == "runtime"


def test_equal_texts_need_nothing_whatever_the_settings() -> None:
    assert reloader(runtime=False).plan(SERVERS, SERVERS).how == "nothing"


def test_a_failed_apply_makes_the_next_change_wait_for_a_reload(tmp_path: Path) -> None:
    attached = HaproxyReloader(HaproxySettings(master_socket="/run/none", mode="attached"))
    with pytest.raises(Unreachable, match="no HAProxy answers"):
        attached.apply(tmp_path / "haproxy.cfg", SOCKET + SERVERS)
    planned = attached.plan(SOCKET + SERVERS, f"{SOCKET}{SERVERS}  server c 10.0.0.2:80\n")
    assert (planned.how, planned.detail) == ("reload", "reload: what runs is not known")
