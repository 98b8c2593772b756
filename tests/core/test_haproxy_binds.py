"""New addresses are tried before HAProxy has to have them."""

import socket
from pathlib import Path

import pytest

from lbdisc.errors import ApplyError
from lbdisc.haproxy.binds import new_binds, try_binds
from lbdisc.haproxy.language.text import Configuration, parse
from lbdisc.haproxy.versions import MAX_UNIX_PATH
from lbdisc.testing.processes import free_port


def listening(*addresses: str) -> Configuration:
    return parse("frontend f\n" + "".join(f"  bind {address}\n" for address in addresses))


def attempt(*addresses: str) -> None:
    try_binds(listening(*addresses).binds)


def test_only_addresses_that_are_new_are_tried() -> None:
    before, after = listening("*:80", ":81 name x"), listening(":81", "*:82,*:80")
    assert [bind.address for bind in new_binds(before, after)] == ["*:82"]


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "*:{}", ":{}", "ipv4@127.0.0.1:{}", "{0}-{0}"])
def test_a_taken_port_is_named_with_its_line(form: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        address = form.format(port)
        address = f"127.0.0.1:{address}" if "-" in address else address
        with pytest.raises(ApplyError, match=rf"line 2, .* frontend f: port {port} is taken"):
            attempt(address)


def test_a_port_that_others_would_share_is_taken_too() -> None:
    with socket.socket() as shared:
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        shared.bind(("127.0.0.1", 0))
        shared.listen()
        with pytest.raises(ApplyError, match="is taken by another process"):
            attempt(f"127.0.0.1:{shared.getsockname()[1]}")


def test_a_taken_port_of_ipv6_is_found() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ApplyError, match="is taken"):
            attempt(f"[::1]:{port}")
        attempt(f"127.0.0.1:{port}")


def test_free_addresses_pass_and_stay_free() -> None:
    port = free_port()
    for _ in range(2):
        attempt(f"127.0.0.1:{port}", f"ipv6@::1:{port}", f"*:{port}")


def test_a_port_of_our_own_is_no_conflict() -> None:
    with socket.create_server(("127.0.0.1", 0)) as own:
        port = own.getsockname()[1]
        held = listening(f"127.0.0.1:{port}").binds
        try_binds(listening(f"*:{port}").binds, held=held)


def test_an_address_that_this_machine_has_not_is_told() -> None:
    with pytest.raises(ApplyError, match="this machine has no such address"):
        attempt("192.0.2.1:8080")


def test_a_missing_permission_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(ApplyError, match="no permission for port 80; it needs CAP_NET_BIND"):
        attempt(":80")


@pytest.mark.parametrize(
    "address",
    ["fd@3", "abns@x", "sockpair@4", '"$IP:80"', "quic4@:443", "127.0.0.1", "host.invalid:80"],
)
def test_what_cannot_be_tried_is_passed_over(address: str) -> None:
    attempt(address)


def test_a_socket_path_has_to_fit_and_to_have_a_folder(tmp_path: Path) -> None:
    attempt(f"unix@{tmp_path}/x")
    with pytest.raises(ApplyError, match=f"too long: at most {MAX_UNIX_PATH} bytes"):
        attempt(f"unix@/{'x' * MAX_UNIX_PATH}")
    with pytest.raises(ApplyError, match="no folder"):
        attempt("/no-such-folder/x")


def test_another_address_on_a_port_of_ours_is_tried() -> None:
    ours = listening("127.0.0.1:80").binds
    with pytest.raises(ApplyError, match="no such address"):
        try_binds(listening("192.0.2.77:80").binds, held=ours)
    try_binds(listening("*:80").binds, held=ours)
