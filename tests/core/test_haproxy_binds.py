"""New addresses are tried before HAProxy has to have them."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lbdisc.errors import NotLoaded
from lbdisc.haproxy.binding.binder import Binder, has_more_rights
from lbdisc.haproxy.binding.probing import try_new
from lbdisc.haproxy.language.text import Configuration, parse
from lbdisc.haproxy.versions import MAX_UNIX_PATH
from lbdisc.testing.processes import free_port
from support.haproxies import VERSIONS, Place, place

OURS = Binder(environment={})


def listening(*addresses: str) -> Configuration:
    return parse("frontend f\n" + "".join(f"  bind {address}\n" for address in addresses))


def attempt(*addresses: str, held: tuple[str, ...] = (), by: Binder = OURS) -> None:
    try_new(listening(*held), listening(*addresses), by)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_probe_and_haproxy_agree_on_every_form(version: str) -> None:
    with place(version) as at:
        found = _tried(at)
    odd = {form: says for form, says in found.items() if bool(says[0]) != bool(says[1])}
    assert odd == {}
    assert 20 < sum(bool(refused) for refused, _ in found.values()) < len(found) - 20


def _tried(at: Place) -> dict[str, tuple[str, str]]:
    command = ["unshare", "-n", sys.executable, "-m", "support.bind_forms", at.binary]
    path = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        command, cwd=at.folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_only_addresses_that_are_new_are_tried() -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours:
        port = ours.getsockname()[1]
        attempt(f"127.0.0.1:{port} name x", held=(f"127.0.0.1:{port}",))


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "*:{}", ":{}", "ipv4@127.0.0.1:{}", "{0}-{0}"])
def test_a_taken_port_is_named_with_its_line(form: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        address = form.format(port)
        address = f"127.0.0.1:{address}" if "-" in address else address
        with pytest.raises(NotLoaded, match=rf"line 2, .* frontend f: port {port} is taken"):
            attempt(address)


def test_the_local_peer_is_named_with_its_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        fleet = parse(f"peers fleet\n  peer me 127.0.0.1:{port}\n  peer you 127.0.0.1:1\n")
        with pytest.raises(NotLoaded, match=rf"line 2, peer me .* in peers fleet: port {port}"):
            try_new(None, fleet, Binder(local_peer="me"))
        try_new(None, fleet, Binder(local_peer="nobody"))


def test_a_port_that_others_would_share_is_taken_too() -> None:
    with socket.socket() as shared:
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        shared.bind(("127.0.0.1", 0))
        shared.listen()
        with pytest.raises(NotLoaded, match="is taken by another process"):
            attempt(f"127.0.0.1:{shared.getsockname()[1]}")


def test_a_taken_udp_port_is_found_where_quic_listens() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(NotLoaded, match=f"UDP port {port} is taken"):
            attempt(f"quic4@127.0.0.1:{port} ssl crt x.pem")
        attempt(f"127.0.0.1:{port}")


def test_free_addresses_pass_and_stay_free() -> None:
    port = free_port()
    for _ in range(2):
        attempt(f"127.0.0.1:{port}", f"ipv6@::1:{port}", f"*:{port}")


def test_a_port_of_our_own_is_no_conflict() -> None:
    with socket.socket() as own:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        own.bind(("127.0.0.1", 0))
        own.listen()
        port = own.getsockname()[1]
        attempt(f"*:{port}", held=(f"127.0.0.1:{port}",))


def test_a_port_of_another_is_found_beside_our_own() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port, ours = taken.getsockname()[1], f"127.0.0.2:{taken.getsockname()[1]}"
        with pytest.raises(NotLoaded, match="is taken by another process"):
            attempt(f"*:{port}", held=(ours,))
        attempt(f"*:{port}", held=(ours,), by=Binder(ours=False))


def test_what_is_tried_beside_a_listener_of_our_own_takes_none_of_its_connections() -> None:
    with socket.socket() as own:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        own.bind(("0.0.0.0", 0))
        own.listen()
        port = own.getsockname()[1]
        for _ in range(50):
            attempt(f"127.0.0.1:{port}", held=(f"*:{port}",))
            socket.create_connection(("127.0.0.1", port)).close()
            own.accept()[0].close()


def test_an_address_that_this_machine_has_not_is_told() -> None:
    with pytest.raises(NotLoaded, match="this machine has no such address"):
        attempt("192.0.2.1:8080")
    with pytest.raises(NotLoaded, match="this machine has no such address"):
        attempt("192.0.2.1:8080", held=("*:8080",))


@pytest.mark.parametrize("by", [Binder(ours=False), Binder(here=False)])
def test_a_haproxy_with_other_rights_or_another_network_may_bind_where_we_may_not(
    by: Binder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket.socket, "bind", _refuse)
    with pytest.raises(NotLoaded, match="no permission for port 80; it needs CAP_NET_BIND"):
        attempt(":80")
    attempt(":80", by=by)


def _refuse(*_: object) -> None:
    raise PermissionError(13, "Permission denied")


def test_a_program_with_rights_of_its_own_is_known(tmp_path: Path) -> None:
    program = tmp_path / "haproxy"
    program.touch(mode=0o755)
    assert not has_more_rights(str(program))
    subprocess.run(["setcap", "cap_net_bind_service=ep", program], check=True)
    assert has_more_rights(str(program))


@pytest.mark.parametrize(
    "address",
    ["fd@3", "sockpair@4", '"$IP:80"', "127.0.0.1", "host.invalid:80", "192.0.2.1:1 namespace x"],
)
def test_what_cannot_be_tried_is_passed_over(address: str) -> None:
    attempt(address, by=Binder())


def test_a_socket_path_has_to_fit_and_to_have_a_folder(tmp_path: Path) -> None:
    attempt(f"unix@{tmp_path}/x")
    with pytest.raises(NotLoaded, match=f"too long: at most {MAX_UNIX_PATH} bytes"):
        attempt(f"unix@/{'x' * MAX_UNIX_PATH}")
    with pytest.raises(NotLoaded, match="no folder"):
        attempt("/no-such-folder/x")


def test_another_address_on_a_port_of_ours_is_tried() -> None:
    with pytest.raises(NotLoaded, match="no such address"):
        attempt("192.0.2.77:80", held=("127.0.0.1:80",))
    attempt("*:80", held=("127.0.0.1:80",))
