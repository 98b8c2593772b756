"""Everything that a request can raise becomes one of our failures, and one line for an operator."""

import socket
import threading
from contextlib import suppress
from pathlib import Path

import grpc
import pytest

from lbdisc_etcd import failures
from lbdisc_etcd.failures import (
    Compacted,
    Denied,
    EtcdRefused,
    Failure,
    LeaseGone,
    MemberUnreachable,
    NoWrites,
    RefusedLogin,
    StaleLogin,
    sorted_failure,
)
from lbdisc_etcd.patience import Patience
from lbdisc_etcd.settings import EtcdSettings
from lbdisc_etcd.wire import Session
from lbdisc_lab.servers.certificates import Certificates
from lbdisc_lab.servers.etcd.roles import settings_of

CODES = [code.name for code in grpc.StatusCode if code is not grpc.StatusCode.OK]
LOGIN = "authentication failed, invalid user ID or password"


@pytest.mark.parametrize("code", CODES)
def test_every_status_is_one_of_our_failures(code: str) -> None:
    failure = sorted_failure(code, "some\ntext\x1b[31m", user="me", secure=True)
    assert isinstance(failure, Failure)
    assert str(failure).isprintable()


@pytest.mark.parametrize("code", CODES)
def test_an_empty_text_is_told_by_its_code(code: str) -> None:
    assert str(sorted_failure(code, "", user="", secure=False))


@pytest.mark.parametrize(
    ("code", "details", "kind", "names"),
    [
        ("UNAVAILABLE", "etcdserver: no leader", MemberUnreachable, "no leader"),
        ("UNAVAILABLE", "etcdserver: request timed out", MemberUnreachable, "timed out"),
        ("DEADLINE_EXCEEDED", "Deadline Exceeded", MemberUnreachable, "in time"),
        ("CANCELLED", "Channel closed!", MemberUnreachable, "closed"),
        ("UNIMPLEMENTED", "unknown service", MemberUnreachable, "etcd.endpoints"),
        ("RESOURCE_EXHAUSTED", "mvcc: database space exceeded", NoWrites, "space"),
        ("RESOURCE_EXHAUSTED", "etcdserver: too many requests", MemberUnreachable, "too many"),
        ("DATA_LOSS", "etcdserver: corrupt cluster", NoWrites, "alarm list"),
        ("UNAVAILABLE", "etcdserver: rpc not supported for learner", MemberUnreachable, "learner"),
        ("OUT_OF_RANGE", "mvcc: required revision has been compacted", Compacted, "compacted"),
        ("OUT_OF_RANGE", "mvcc: required revision is a future revision", Compacted, "future"),
        ("NOT_FOUND", "etcdserver: requested lease not found", LeaseGone, "lease"),
        ("UNAUTHENTICATED", "etcdserver: invalid auth token", StaleLogin, "etcd.user"),
        ("INVALID_ARGUMENT", "revision of auth store is old", StaleLogin, "etcd.user"),
        ("UNKNOWN", "etcdserver: revision in header is old", StaleLogin, "etcd.user"),
        ("PERMISSION_DENIED", "etcdserver: permission denied", Denied, "etcd.prefix"),
        ("UNKNOWN", "code = PermissionDenied desc = permission denied", Denied, "'me'"),
        ("INVALID_ARGUMENT", f"etcdserver: {LOGIN}", RefusedLogin, "etcd.password"),
        ("INVALID_ARGUMENT", "etcdserver: user name is empty", RefusedLogin, "etcd.user"),
        ("FAILED_PRECONDITION", "etcdserver: user name not found", RefusedLogin, "etcd.user"),
        ("UNAVAILABLE", "x: CERTIFICATE_VERIFY_FAILED: expired: OK", EtcdRefused, "etcd.ca_file"),
        ("UNAVAILABLE", "Peer name a is not in peer certificate", EtcdRefused, "etcd.endpoints"),
        ("UNAVAILABLE", "Unwrap failed (TSI_DATA_CORRUPTED)", EtcdRefused, "etcd.cert_file"),
    ],
)
def test_what_etcd_says_is_understood(
    code: str, details: str, kind: type[Failure], names: str
) -> None:
    failure = sorted_failure(code, details, user="me", secure=True)
    assert type(failure) is kind
    assert names in str(failure)


@pytest.mark.parametrize(
    ("code", "details", "says"),
    [
        ("UNAVAILABLE", "etcdserver: no leader", "its cluster has no majority"),
        ("DEADLINE_EXCEEDED", "Deadline Exceeded", "it has lost its leader, is overloaded, or"),
        ("UNAVAILABLE", "Failed parsing HTTP/2 (Expected SETTINGS frame", "it is no etcd"),
        ("UNAVAILABLE", "timed out before receiving SETTINGS frame", "says nothing: frozen"),
    ],
)
def test_nearest_cause_is_named(code: str, details: str, says: str) -> None:
    assert says in str(sorted_failure(code, details, user="", secure=False))


def test_stranger_is_named() -> None:
    """Whoever answers at once, and not as HTTP/2 does."""

    def greet() -> None:
        with suppress(OSError):
            while True:
                client, _ = server.accept()
                with client, suppress(OSError):
                    client.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" * 10)
                    client.recv(100)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=greet, daemon=True).start()
        settings = EtcdSettings(endpoints=(f"127.0.0.1:{server.getsockname()[1]}",))
        with (
            Session(settings.members[0], settings, patience=Patience(5)) as session,
            pytest.raises(MemberUnreachable, match="it is no etcd"),
        ):
            session.get(b"key")
        server.shutdown(socket.SHUT_RDWR)


def test_every_kind_of_failure_is_a_failure() -> None:
    kinds = [value for value in vars(failures).values() if isinstance(value, type)]
    assert all(issubclass(kind, Failure) for kind in kinds if issubclass(kind, Exception))


def test_closed_session_is_a_failure_and_closes_twice() -> None:
    settings = EtcdSettings(endpoints=("127.0.0.1:1",))
    session = Session(settings.members[0], settings, patience=Patience(1))
    session.close()
    session.close()
    with pytest.raises(MemberUnreachable, match="closed"):
        session.get(b"key")
    with pytest.raises(MemberUnreachable, match="closed"):
        next(session.watch(b"a", b"b", revision=1))


def test_silent_server_is_a_failure_within_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings = EtcdSettings(endpoints=(f"127.0.0.1:{server.getsockname()[1]}",))
        with (
            Session(settings.members[0], settings, patience=Patience(0.5)) as session,
            pytest.raises(MemberUnreachable),
        ):
            session.get(b"key")


def test_session_is_closed_under_a_request_by_another_thread() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings = EtcdSettings(endpoints=(f"127.0.0.1:{server.getsockname()[1]}",))
        with Session(settings.members[0], settings, patience=Patience(30)) as session:
            threading.Timer(0.1, session.close).start()
            with pytest.raises(MemberUnreachable):
                session.get(b"key")


@pytest.mark.parametrize("content", [None, "", "nonsense"])
@pytest.mark.parametrize("setting", ["ca_file", "cert_file", "key_file"])
def test_bad_file_names_its_setting(tmp_path: Path, setting: str, content: str | None) -> None:
    good = Certificates(tmp_path / "tls")
    files = {
        "ca_file": good.authority.cert,
        "cert_file": good.client.cert,
        "key_file": good.client.key,
    }
    files[setting] = tmp_path / "bad.pem"
    if content is not None:
        files[setting].write_text(content)
    settings = settings_of(
        {"etcd.endpoints": ["https://127.0.0.1:1"]}, **{name: str(files[name]) for name in files}
    )
    with pytest.raises(EtcdRefused, match=rf"etcd\.{setting}") as caught:
        Session(settings.members[0], settings, patience=Patience(1))
    assert str(files[setting]) in str(caught.value)
