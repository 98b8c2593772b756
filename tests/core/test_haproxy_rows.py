"""Replies of HAProxy's sockets, read strictly."""

import pytest

from lbdisc.haproxy.errors import HaproxyError
from lbdisc.haproxy.sockets.master import Processes, alerts, first_alert
from lbdisc.haproxy.sockets.rows import Info, read_connections, read_states, read_stats

PROC = """\
#<PID>          <type>          <reloads>       <uptime>        <version>
10              master          2 [failed: 1]   1d02h03m04s     2.6.12-1+deb12u4
# workers
12              worker          1               0d00h00m01s     2.6.12-1+deb12u4
# old workers
11              worker          2               0d00h01m00s     2.6.12-1+deb12u4
# programs

"""


def test_the_processes_are_read_with_their_roles() -> None:
    found = Processes.read(PROC)
    assert (found.master, found.reloads, found.failed) == (10, 2, 1)
    assert found.uptime == ((24 + 2) * 60 + 3) * 60 + 4
    assert found.current is not None
    assert found.current.pid == 12
    assert [worker.pid for worker in found.old] == [11]


def test_a_master_without_failures_or_workers_is_read_too() -> None:
    lines = PROC.replace(" [failed: 1]", "").split("\n")[:3]
    found = Processes.read("\n".join(lines))
    assert (found.failed, found.current) == (0, None)


@pytest.mark.parametrize("reply", ["", "Unknown command", PROC.replace("1d02h", "x"), "# workers"])
def test_what_is_no_list_of_processes_is_an_error(reply: str) -> None:
    with pytest.raises(HaproxyError, match="no 'show proc'"):
        Processes.read(reply)


@pytest.mark.parametrize("reply", ["", "Name: HAProxy\nPid: 1", "Unknown command"])
def test_what_is_no_info_is_an_error(reply: str) -> None:
    with pytest.raises(HaproxyError, match="no 'show info'"):
        Info.read(reply)


@pytest.mark.parametrize("reply", ["", "2\n# be_id be_name\n", "1\n# srv_id be_id\n", "Can't find"])
def test_another_format_of_the_state_is_an_error(reply: str) -> None:
    with pytest.raises(HaproxyError, match="of format 1"):
        read_states(reply)


def test_other_tables_are_errors_too() -> None:
    with pytest.raises(HaproxyError, match="no 'show stat'"):
        read_stats("No such proxy.\n")
    with pytest.raises(HaproxyError, match="no 'show servers conn'"):
        read_connections("Can't find backend.\n")


LOG = """\
[NOTICE]   (1) : haproxy version is 2.6.12
[ALERT]    (1) : config : parsing [/etc/h.cfg:4] : unknown keyword 'foo' in 'backend' section
[ALERT]    (1) : config : Error(s) found in configuration file : /etc/h.cfg
[ALERT]    (1) : config : Fatal errors found in configuration.
"""


def test_the_alert_that_gives_a_cause_is_told() -> None:
    assert first_alert(LOG).endswith("unknown keyword 'foo' in 'backend' section")
    assert len(alerts(LOG)) == 1
    assert first_alert("[ALERT] (1) : config : Fatal errors found in configuration.")
    assert first_alert("nothing of that kind") == ""
