"""What the reloader plans where no HAProxy runs; what it does to one is in tests/system."""

from pathlib import Path

import pytest

from lbdisc import Rendered
from lbdisc.haproxy.errors import Unreachable
from lbdisc.haproxy.reloader import HaproxyReloader
from lbdisc.haproxy.settings import HaproxySettings
from lbdisc.planned import Reload, Start

SERVERS = "listen b\n  bind 127.0.0.1:1\n  server a 10.0.0.1:80\n"
NOWHERE = "/run/none"


def test_where_no_haproxy_answers_it_is_a_start_whatever_the_files_hold(tmp_path: Path) -> None:
    made = HaproxyReloader(HaproxySettings(master_socket=NOWHERE))
    config = tmp_path / "haproxy.cfg"
    config.write_text(SERVERS)
    planned = made.plan(config, Rendered(SERVERS), Rendered(SERVERS))
    assert planned.how == Start("no HAProxy answers at /run/none")


def test_a_failed_apply_makes_the_next_change_wait_for_a_reload(tmp_path: Path) -> None:
    note = str(tmp_path / "worker.json")
    settings = HaproxySettings(master_socket=NOWHERE, mode="attached", worker_file=note)
    attached = HaproxyReloader(settings)
    config = tmp_path / "haproxy.cfg"
    with pytest.raises(Unreachable, match="no HAProxy answers"):
        attached.apply(attached.plan(config, None, Rendered(SERVERS)))
    planned = attached.plan(config, Rendered(SERVERS), Rendered(f"{SERVERS}  server c 10.0.0.2\n"))
    assert planned.how == Reload("what runs is not known")
