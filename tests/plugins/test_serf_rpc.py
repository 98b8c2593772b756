"""The RPC client, on a real agent and on servers that are none."""

import contextlib
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgpack
import pytest

from lbdisc.testing import eventually
from lbdisc_lab.servers import serf
from lbdisc_serf.members import BadReply, address, member, members
from lbdisc_serf.rpc import SerfClient
from lbdisc_serf.wire import RpcError, RpcRefused, RpcStopped


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[serf.SerfCluster]:
    with serf.start(tmp_path) as registry:
        yield registry


@contextmanager
def answering(*answers: bytes, keep: bool = True) -> Iterator[tuple[str, int]]:
    """A server that answers each request with the next of ``answers``, whatever is asked."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                for answer in answers:
                    connection.recv(65536)
                    connection.sendall(answer)
                while keep and connection.recv(65536):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()
        thread.join(10)


def packed(*parts: object) -> bytes:
    return b"".join(msgpack.packb(part, use_bin_type=False) for part in parts)


SHAKEN = packed({"Seq": 1, "Error": ""})


def test_members_are_typed(registry: serf.SerfCluster) -> None:
    with registry.members[0].client() as client:
        (me,) = client.members()
    assert (me.name, me.address, me.port) == ("member0", registry.seeds[0], 7946)
    assert me.status == "alive"
    assert me.tags == {"role": "balancer"}


def test_members_are_filtered_by_the_agent(registry: serf.SerfCluster) -> None:
    registry.node("n1")
    with registry.members[0].client() as client:
        assert [m.name for m in client.members_filtered(tags={"role": "backend"})] == ["n1"]
        assert client.member("n.") is None


def test_tags_are_set_and_deleted_and_others_stay(registry: serf.SerfCluster) -> None:
    with registry.members[0].client() as client:
        client.tags({"a": "1", "b": "2"})
        client.tags({"c": "3"}, deleting=["a"])
        (me,) = client.members()
    assert me.tags == {"role": "balancer", "b": "2", "c": "3"}


def test_stats_tell_the_name(registry: serf.SerfCluster) -> None:
    with registry.members[0].client() as client:
        assert client.name == "member0"
        assert client.stats()["serf"]["members"] == "1"


def test_monitor_streams_the_log_beside_other_calls(registry: serf.SerfCluster) -> None:
    with registry.members[0].client() as client:
        stream = client.monitor()
        registry.node("n1")
        client.members()
        seen: list[object] = []

        def told() -> bool:
            seen.extend(record[b"Log"] for record in client.read(stream, 0.1))
            return any(isinstance(line, bytes) and b"EventMemberJoin: n1" in line for line in seen)

        eventually(told)


def test_events_are_streamed_until_stopped(registry: serf.SerfCluster) -> None:
    with registry.members[0].client() as client:
        stream = client.stream("user:hello")
        client.event("hello", b"world")
        (record,) = eventually(lambda: client.read(stream, 0.1))
        assert record[b"Payload"] == b"world"
        client.stop(stream)
        assert client.members()


def test_query_is_answered_and_an_answer_that_comes_too_late_breaks_nothing(
    registry: serf.SerfCluster,
) -> None:
    with registry.members[0].client() as client, registry.members[0].client() as asker:
        stream = client.stream("query:hello")

        def asked_and_heard() -> tuple[int, Mapping[bytes, object]] | None:
            """A stream begins a moment after Serf has confirmed it."""
            asked = asker.query("hello", b"who", tags={"role": "balancer"}, timeout=1.0)
            heard = client.read(stream, 0.5)
            return (asked, heard[-1]) if heard else None

        found = eventually(asked_and_heard)
        assert found is not None
        asked, query = found
        number = query[b"ID"]
        assert isinstance(number, int)
        client.respond(number, b"me")
        said = eventually(lambda: asker.read(asked, 0.1))[0]
        assert (said[b"Type"], said[b"Payload"]) == (b"response", b"me")
        client.respond(number + 1, b"nobody asked")
        assert client.members()


def test_join_tells_who_was_not_reached(registry: serf.SerfCluster) -> None:
    with (
        registry.members[0].client() as client,
        pytest.raises(RpcError, match=r"refused join: .*127\.0\.0\.1"),
    ):
        client.join(["127.0.0.1:1"])


def test_leave_ends_the_agent(registry: serf.SerfCluster) -> None:
    with registry.members[0].client() as client:
        client.leave(timeout=10)
    eventually(lambda: not registry.members[0].running)


def test_connection_is_closed_after_a_refusal(registry: serf.SerfCluster) -> None:
    with registry.members[0].client() as client:
        with pytest.raises(RpcError, match="512 bytes"):
            client.tags({"long": "x" * 600})
        with pytest.raises(RpcError):
            client.members()


@pytest.mark.parametrize("key", ["", "wrong-and-secret"])
def test_wrong_key_is_refused_and_not_shown(tmp_path: Path, key: str) -> None:
    with serf.start(tmp_path, rpc_key=True) as registry, pytest.raises(RpcRefused) as caught:
        SerfClient((registry.seeds[0], serf.RPC_PORT), key=key).members()
    assert "wrong-and-secret" not in str(caught.value)


def test_agent_that_dies_is_noticed_while_idle(registry: serf.SerfCluster) -> None:
    with registry.members[0].client() as client:
        registry.kill()
        with pytest.raises(RpcError, match=r"closed|broke"):
            client.idle(10)


def test_nobody_there_is_an_error_with_the_address() -> None:
    with pytest.raises(RpcError, match=r"no Serf agent at 127\.0\.0\.1:1: Connection refused"):
        SerfClient(("127.0.0.1", 1))


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\xc1",
        packed([1, 2]),
        packed({"Seq": 1}),
        packed({"Seq": "1", "Error": ""}),
        packed({"Seq": 7, "Error": ""}),
        packed(None),
    ],
    ids=["http", "no msgpack", "list", "short", "text for a number", "other number", "nil"],
)
def test_server_that_is_no_agent_is_an_error(answer: bytes) -> None:
    with answering(answer) as where, pytest.raises(RpcError):
        SerfClient(where, timeout=1)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"Members": "x"},
    ],
)
def test_bad_members_are_an_error_that_closes(body: object) -> None:
    bad = packed({"Seq": 2, "Error": ""}, body)
    with answering(SHAKEN, bad) as where, SerfClient(where, timeout=1) as client:
        with pytest.raises(RpcError):
            client.members()
        with pytest.raises(RpcError):
            client.members()


def test_answer_in_pieces_is_put_together() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.recv(65536)
                for byte in SHAKEN:
                    connection.sendall(bytes([byte]))
                connection.recv(65536)

        thread = threading.Thread(target=serve)
        thread.start()
        SerfClient(server.getsockname(), timeout=5).close()
        thread.join(10)


def test_the_agent_meets_an_end_and_no_reset_when_a_stream_is_left_unread() -> None:
    ends: list[object] = []
    shaken, unread = threading.Event(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(SHAKEN)
                shaken.wait(10)
                connection.sendall(b"x" * 1000)
                unread.set()
                try:
                    ends.append(connection.recv(65536))
                except OSError as error:
                    ends.append(error)

        thread = threading.Thread(target=serve)
        thread.start()
        client = SerfClient(server.getsockname(), timeout=5)
        shaken.set()
        unread.wait(10)
        client.close()
        thread.join(10)
    assert ends == [b""]


def test_a_client_of_a_silent_agent_closes_all_the_same() -> None:
    closed = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(SHAKEN)
                closed.wait(30)

        thread = threading.Thread(target=serve)
        thread.start()
        SerfClient(server.getsockname(), timeout=5).close()
        assert thread.is_alive()
        closed.set()
        thread.join(10)


def test_answer_that_is_cut_off_is_an_error() -> None:
    with (
        answering(SHAKEN[:-3], keep=False) as where,
        pytest.raises(RpcError, match="closed the connection"),
    ):
        SerfClient(where, timeout=5)


def test_silent_server_is_an_error() -> None:
    with answering() as where, pytest.raises(RpcError, match="does not answer"):
        SerfClient(where, timeout=0.3)


def test_waiting_ends_when_the_caller_stops() -> None:
    with answering() as where, pytest.raises(RpcStopped):
        SerfClient(where, timeout=60, stopped=lambda: True)


def test_mapped_ipv4_becomes_plain() -> None:
    mapped = ipaddress.IPv6Address("::ffff:10.0.0.7").packed
    assert address(mapped) == address(bytes([10, 0, 0, 7])) == "10.0.0.7"
    assert address(ipaddress.IPv6Address("2001:db8::7").packed) == "2001:db8::7"


def test_nil_where_go_has_empty_values_is_empty() -> None:
    assert members({b"Members": None}) == ()
    assert member({b"Name": b"a", b"Port": 1, b"Tags": None, b"Addr": None}).tags == {}


@pytest.mark.parametrize(
    ("record", "name", "wrong"),
    [
        (1, "", "a int where a member belongs"),
        ({b"Name": b"b"}, "b", "a member without name or port"),
        ({b"Name": 5, b"Port": 1}, "", "a member without name or port"),
        (
            {b"Name": b"b", b"Port": 1, b"Addr": b"12345"},
            "b",
            "an address that is not 4 or 16 bytes",
        ),
        ({b"Name": b"b", b"Port": 1, b"Tags": [1]}, "b", "a list where a table belongs"),
        ({b"Name": b"b", b"Port": 1, b"Tags": {b"a": [[]]}}, "b", "a list where a text belongs"),
        ({b"Name": b"b", b"Port": 1, b"Status": {}}, "b", "a dict where a text belongs"),
    ],
)
def test_one_bad_member_leaves_the_others(record: object, name: str, wrong: str) -> None:
    good = {b"Name": b"good", b"Port": 1, b"Status": b"alive"}
    bad, other = members({b"Members": [good, record]})
    assert (bad.name, bad.wrong) == (name, wrong)
    assert (other.name, other.status, other.wrong) == ("good", "alive", "")


def test_members_without_a_list_are_a_bad_reply() -> None:
    with pytest.raises(BadReply):
        members({})


@pytest.mark.parametrize(
    "answer",
    [
        b"\xdd\x03\xff\xff\xff" * 400,  # arrays of 67 million each, within each other
        b"\xdf\x03\xff\xff\xff" * 400,
        b"\xdb\x7f\xff\xff\xff",  # a text of two gigabytes
        b"\x91" * 2000,
        b"\xc7\x05\x01hello",
    ],
)
def test_what_an_answer_announces_is_bounded(answer: bytes) -> None:
    with (
        answering(SHAKEN, answer) as where,
        SerfClient(where, timeout=1) as client,
        pytest.raises(RpcError, match="does not"),
    ):
        client.stats()


def test_refusal_is_cut_in_a_message() -> None:
    said = packed({"Seq": 2, "Error": "x\n" * 100_000})
    with (
        answering(SHAKEN, said) as where,
        SerfClient(where) as client,
        pytest.raises(RpcError) as caught,
    ):
        client.leave()
    assert len(str(caught.value)) < 400


def test_stream_that_nobody_reads_keeps_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lbdisc_serf.rpc.MOST_WAITING", 10)
    flood = [part for turn in range(50) for part in ({"Seq": 2, "Error": ""}, {"Log": str(turn)})]
    began, stats = packed({"Seq": 2, "Error": ""}), packed({"Seq": 3, "Error": ""}, {})
    with answering(SHAKEN, began, packed(*flood) + stats) as where, SerfClient(where) as client:
        number = client.monitor()
        client.stats()
        assert [record[b"Log"] for record in client.read(number, 0)] == [
            b"%d" % turn for turn in range(40, 50)
        ]


@pytest.mark.parametrize("part", [b"\xdb\x00\x0f\xff\xff", packed({"Seq": 2, "Error": ""}, {})])
def test_answer_that_goes_on_without_end_is_given_up(
    part: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("rpc", "wire"):
        monkeypatch.setattr(f"lbdisc_serf.{module}.LONGEST", 0.1)
    began = packed({"Seq": 2, "Error": ""})
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server, [SHAKEN, began], part))
        thread.start()
        with SerfClient(server.getsockname(), timeout=0.2) as client:
            client.monitor()
            with pytest.raises(RpcError, match="does not answer"):
                client.stats()
        thread.join(10)


def drip(server: socket.socket, answers: list[bytes], part: bytes) -> None:
    """Answer with ``answers``, then send ``part`` and the beginning of it for ever."""
    connection, _ = server.accept()
    with connection, contextlib.suppress(OSError):
        for answer in answers:
            connection.recv(65536)
            connection.sendall(answer)
        while True:
            connection.sendall(part)
            part = part if part.startswith(b"\x82") else b"x"
            time.sleep(0.001)
