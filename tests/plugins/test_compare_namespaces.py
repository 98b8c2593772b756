"""Hosts with networks of their own: every fault, as programs on the hosts see it."""

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lbdisc_compare.hosts import delays, isolation
from lbdisc_compare.hosts.filtering import NetworkFault, ruleset
from lbdisc_compare.hosts.host import Separable
from lbdisc_compare.hosts.namespaces import NamespaceHosts, isolated, separable
from support.echoing import PORT
from support.networks import echoes, heard, inside, trips

DELAY = 0.05


def all_reach_all(hosts: NamespaceHosts) -> Any:
    with echoes(hosts, "a", "b") as (a, b, router):
        pairs = [(a, b), (b, a), (a, router), (router, a)]
        return [heard(here, there) for here, there in pairs]


def test_hosts_reach_each_other_and_the_measuring_process(tmp_path: Path) -> None:
    assert inside(all_reach_all, tmp_path) == [5, 5, 5, 5]


def cut_between_two(hosts: NamespaceHosts) -> Any:
    with echoes(hosts, "a", "b", "c") as (a, b, c, router):
        hosts.cut(a, b)
        during = [heard(a, b), heard(b, a), heard(a, c), heard(router, a)]
        hosts.heal()
        return [during, heard(a, b)]


def test_a_cut_between_two_hosts_leaves_all_others_until_it_heals(tmp_path: Path) -> None:
    assert inside(cut_between_two, tmp_path) == [[0, 0, 5, 5], 5]


def cut_from_all(hosts: NamespaceHosts) -> Any:
    with echoes(hosts, "a", "b") as (a, b, router):
        hosts.cut(a)
        return [heard(a, b), heard(b, a), heard(a, router), heard(router, a), heard(b, router)]


def test_a_host_that_is_cut_off_reaches_nobody(tmp_path: Path) -> None:
    assert inside(cut_from_all, tmp_path) == [0, 0, 0, 0, 5]


def cut_one_way(hosts: NamespaceHosts) -> Any:
    with echoes(hosts, "a", "b") as (a, b, _):
        before = hosts.counters(a).packets_in, hosts.counters(b).packets_in
        hosts.cut(a, b, one_way=True)
        heard(a, b)
        heard(b, a)
        after = hosts.counters(a).packets_in, hosts.counters(b).packets_in
        return [after[0] - before[0], after[1] - before[1]]


def test_a_cut_of_one_way_lets_the_other_through(tmp_path: Path) -> None:
    assert inside(cut_one_way, tmp_path) == [5, 0]


def cut_connection(hosts: NamespaceHosts) -> Any:
    with (
        echoes(hosts, "a") as (a, _),
        socket.create_connection((a.address, PORT), timeout=1) as stream,
    ):
        stream.sendall(b"1")
        before = stream.recv(1).decode()
        hosts.cut(a)
        stream.sendall(b"2")
        try:
            during = stream.recv(1).decode()
        except TimeoutError:
            during = "nothing"
        hosts.heal()
        stream.settimeout(60)
        return [before, during, stream.recv(1).decode()]


def test_a_connection_that_exists_is_cut_and_goes_on_afterwards(tmp_path: Path) -> None:
    assert inside(cut_connection, tmp_path) == ["1", "nothing", "2"]


def loss(hosts: NamespaceHosts) -> Any:
    with echoes(hosts, "a", "b") as (a, b, router):
        hosts.lose(a, None, 0.2)
        return [heard(a, b, 400), heard(router, a, 400), heard(b, router, 400)]


def test_a_fifth_is_lost_on_each_way(tmp_path: Path) -> None:
    lossy, of_ours, others = inside(loss, tmp_path)
    assert others == 400
    assert 200 < lossy < 310  # 0.8 squared is 256; six deviations to each side
    assert 200 < of_ours < 310


def delayed(hosts: NamespaceHosts) -> Any:
    with echoes(hosts, "a", "b", "c") as (a, b, c, _):
        means = hosts.delay(a, b, DELAY)
        during = [min(trips(a, b)), min(trips(b, a)), min(trips(a, c))]
        hosts.heal()
        return [means, during, min(trips(a, b))]


def test_a_delay_holds_each_way_and_says_how_it_is_made(tmp_path: Path) -> None:
    means, (there, back, other), healed = inside(delayed, tmp_path)
    assert means in {delays.NetemLine.means, delays.RelayLine.means}
    assert there >= 2 * DELAY
    assert back >= 2 * DELAY
    assert other < 2 * DELAY
    assert healed < 2 * DELAY


def delayed_to_all(hosts: NamespaceHosts) -> Any:
    with echoes(hosts, "a", "b") as (a, b, router):
        hosts.delay(a, None, DELAY)
        return [trips(a, b), trips(a, router), trips(router, a)]


def test_a_delay_to_all_others_delays_the_measuring_process_too(tmp_path: Path) -> None:
    for found in inside(delayed_to_all, tmp_path):
        assert len(found) == 5
        assert min(found) >= 2 * DELAY


def two_delays(hosts: NamespaceHosts) -> Any:
    with echoes(hosts, "a", "b", "c") as (a, b, c, _):
        hosts.delay(a, b, DELAY)
        hosts.delay(a, c, 3 * DELAY)
        hosts.cut(b, c)
        return [min(trips(a, b)), min(trips(a, c)), heard(b, c)]


def test_two_delays_and_a_cut_hold_beside_each_other(tmp_path: Path) -> None:
    short, long, cut = inside(two_delays, tmp_path)
    assert 2 * DELAY <= short < long
    assert long >= 6 * DELAY
    assert cut == 0


def healed_at_once(hosts: NamespaceHosts) -> Any:
    with (
        echoes(hosts, "a", "b") as (a, _, _),
        socket.create_connection((a.address, PORT), timeout=60) as stream,
    ):
        hosts.delay(a, None, 600.0)
        stream.sendall(b"1")
        time.sleep(0.1)
        hosts.heal()
        return stream.recv(1).decode()


def test_what_waits_is_let_through_when_a_delay_heals(tmp_path: Path) -> None:
    if inside(delayed, tmp_path)[0] == delays.NetemLine.means:
        pytest.skip("netem lets through what waits in its own time")
    assert inside(healed_at_once, tmp_path) == "1"


def by_a_pair_of_devices(hosts: NamespaceHosts) -> Any:
    pytest.MonkeyPatch().setattr(
        delays, "tc", lambda line: None
    )  # the way that packets take where there is a netem
    with echoes(hosts, "a", "b") as (a, b, router):
        means = hosts.delay(a, None, DELAY)
        during = [heard(a, b), heard(router, a)]
        rows = Path("/proc/self/net/dev").read_text().splitlines()
        passed = next(row.split()[2] for row in rows if row.split()[0] == "dly1b:")
        hosts.heal()
        return [means, during, int(passed), heard(a, b)]


def test_a_line_of_netem_takes_every_delayed_packet_once(tmp_path: Path) -> None:
    assert inside(by_a_pair_of_devices, tmp_path) == ["tc netem", [5, 5], 20, 5]


def counted(hosts: NamespaceHosts) -> Any:
    with echoes(hosts, "a", "b") as (a, b, _):
        before = hosts.counters(a)
        heard(a, b)
        after = hosts.counters(a)
        time.sleep(1)
        quiet = hosts.counters(a)
        sent = after.packets_out - before.packets_out
        return [sent, after.bytes_out - before.bytes_out, quiet == after]


def test_counters_count_what_programs_send_and_nothing_else(tmp_path: Path) -> None:
    packets, sizes, quiet = inside(counted, tmp_path)
    assert packets == 5
    assert sizes > 5 * (20 + 8)  # headers of IP and UDP
    assert quiet


def thirty(hosts: NamespaceHosts) -> Any:
    made = [hosts.host(f"n{number}") for number in range(30)]
    again = [hosts.host(f"n{number}") for number in range(30)]
    return [made == again, len({host.address for host in made}), isinstance(hosts, Separable)]


def test_thirty_hosts_have_an_address_each_and_keep_it(tmp_path: Path) -> None:
    assert inside(thirty, tmp_path) == [True, 30, True]


def test_all_of_it_vanishes_with_the_process(tmp_path: Path) -> None:
    inside(thirty, tmp_path)
    assert not [row for row in Path("/proc/mounts").read_text().splitlines() if "/net/n" in row]
    devices = Path("/proc/net/dev").read_text().splitlines()
    assert not [row for row in devices if row.split()[0] == "h0:"]


def test_hosts_are_refused_in_a_network_that_leads_somewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    routes = tmp_path / "routes"
    routes.write_text("Iface Destination\neth0 00000000\n")
    monkeypatch.setattr("lbdisc_compare.hosts.namespaces.ROUTES", routes)
    with pytest.raises(RuntimeError, match=r"the machine's own: begin with isolated\(\)"):
        NamespaceHosts(tmp_path)


@pytest.fixture
def _anew() -> Any:
    isolation._tried.cache_clear()
    yield
    isolation._tried.cache_clear()


@pytest.mark.usefixtures("_anew")
def test_without_the_right_one_line_says_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = ("sh", "-c", "echo unshare failed: Operation not permitted >&2; exit 1")
    monkeypatch.setattr(isolation, "UNSHARED", refused)
    monkeypatch.setattr(isolation, "AS_USER", refused)
    assert separable() == (
        "no right to make network namespaces (needs root, or a kernel that gives them to users, "
        "and in a container --privileged): unshare failed: Operation not permitted"
    )
    with pytest.raises(RuntimeError, match="needs root"):
        isolated(["true"])


@pytest.mark.usefixtures("_anew")
def test_a_program_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(isolation.PROGRAMS, "iptables-of-mars", "mars-iptables")
    assert separable() == (
        "no network namespaces: iptables-of-mars is not installed (Debian: mars-iptables)"
    )


@pytest.mark.usefixtures("_anew")
def test_a_user_who_is_not_root_has_them_in_a_user_namespace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "UNSHARED", ("false",))
    command = isolated(["true"])
    assert command[command.index("unshare") :] == [*isolation.AS_USER, "true"]
    assert inside(cut_between_two, tmp_path) == [[0, 0, 5, 5], 5]


def test_a_command_in_isolation_is_the_first_process_and_sees_loopback_alone() -> None:
    shown = "import os; print(os.getpid(), *os.listdir('/proc/sys/net/ipv4/conf'))"
    done = subprocess.run(
        isolated([sys.executable, "-c", shown]), stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout.split()[0] == "1"
    assert not {"eth0", "docker0"} & set(done.stdout.split())


def test_rules_of_a_cut_come_before_what_a_line_brings_back() -> None:
    rules = ruleset(
        [NetworkFault(here="10.77.0.2", mark=1), NetworkFault(here="10.77.0.3", share=1.0)]
    ).splitlines()
    assert rules.index("-A PREROUTING -s 10.77.0.3 -j DROP") < rules.index(
        "-A PREROUTING -i dly+ -j ACCEPT"
    )
