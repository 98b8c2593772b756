"""Credentials, ACLs and TLS, right and wrong, on real servers."""

import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from kazoo.exceptions import NoAuthError
from kazoo.security import READ_ACL_UNSAFE, make_digest_acl
from pydantic import SecretStr

from lbdisc.errors import DiscoveryError, LbdiscError, RegistrarError, SettingsError, WriteRefused
from lbdisc.register.holding import End
from lbdisc.testing.waiting import DEADLINE, eventually
from lbdisc.values import Endpoint
from lbdisc_lab.servers import zookeeper
from lbdisc_lab.servers.certificates import Authority
from lbdisc_lab.servers.zookeeper.editor import Editor
from lbdisc_lab.servers.zookeeper.roles import ZooKeeperWatching, holding, settings_from
from lbdisc_zookeeper.discovery import ZooKeeperDiscovery
from lbdisc_zookeeper.registrar import ZooKeeperRegistrar
from lbdisc_zookeeper.settings import ZooKeeperSettings

A = Endpoint(service="web", name="a", address="10.0.0.1", port=80)
DIGEST: dict[str, Any] = {"digest_user": "alice", "digest_password": SecretStr("pass:alice")}
MALLORY: dict[str, Any] = {"digest_user": "mallory", "digest_password": SecretStr("guess")}
_prefixes = count()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zookeeper.ZooKeeperEnsemble]:
    with zookeeper.start(tmp_path_factory.mktemp("zookeeper"), sasl=True, tls=True) as registry:
        yield registry


@pytest.fixture
def secured(registry: zookeeper.ZooKeeperEnsemble) -> ZooKeeperSettings:
    """TLS and SASL."""
    return settings_from(registry.settings, prefix=f"/test-{next(_prefixes)}")


@pytest.fixture
def plain(registry: zookeeper.ZooKeeperEnsemble) -> ZooKeeperSettings:
    """No TLS, no credentials."""
    hosts = {"zookeeper.hosts": registry.plain_hosts}
    return settings_from(hosts, prefix=f"/test-{next(_prefixes)}", connect_timeout=3.0)


def _discovery_error(settings: ZooKeeperSettings) -> LbdiscError:
    with ZooKeeperWatching(settings) as watching:
        eventually(lambda: watching.errors)
    assert watching.seen == []
    return _one_line(watching.errors[0])


def _registrar_error(settings: ZooKeeperSettings) -> LbdiscError:
    registrar = ZooKeeperRegistrar(settings)
    with pytest.raises(LbdiscError) as caught, registrar.open(A, Event()) as entry:
        entry.put(A)
    return _one_line(caught.value)


def _one_line(error: LbdiscError) -> LbdiscError:
    assert len(str(error).splitlines()) == 1
    return error


def test_registration_over_tls_with_sasl_is_seen(secured: ZooKeeperSettings) -> None:
    with ZooKeeperWatching(secured) as watching, holding(secured, A):
        watching.until_names("a")


def test_many_pipelined_answers_over_tls_are_read_at_once(
    secured: ZooKeeperSettings, registry: zookeeper.ZooKeeperEnsemble
) -> None:
    with Editor(registry.plain_hosts) as editor:
        editor.put(f"{secured.prefix}/web/first", '{"address": "10.0.0.1", "port": 80}')
        names = [f"{secured.prefix}/web/n{i}" for i in range(1_999)]
        editor.put_many(names, '{"address": "10.0.0.1", "port": 80}')
    with ZooKeeperWatching(replace(secured, session_timeout=9)) as watching:
        watching.until(lambda s: len(s) == 2_000)


@pytest.mark.parametrize("user", ["lbdisc", "nobody"])
def test_wrong_sasl_password_is_a_settings_error(secured: ZooKeeperSettings, user: str) -> None:
    wrong = replace(secured, sasl_user=user, sasl_password=SecretStr("wrong"))
    for error in (_discovery_error(wrong), _registrar_error(wrong)):
        assert isinstance(error, SettingsError)
        assert "zookeeper.sasl_user" in str(error)
        assert "wrong" not in str(error)


@pytest.fixture
def quitter() -> Iterator[ZooKeeperSettings]:
    """A server that welcomes each client and hangs up at its first request."""
    welcome = struct.pack("!iiqi16s?", 0, 10_000, 1, 16, bytes(16), False)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):  # the server is closed
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(4096)
                        connection.sendall(struct.pack("!i", len(welcome)) + welcome)
                        connection.recv(4096)

        thread = Thread(target=serve)
        thread.start()
        hosts = {"zookeeper.hosts": [f"127.0.0.1:{server.getsockname()[1]}"]}
        yield settings_from(hosts, connect_timeout=3.0)
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_connection_that_breaks_during_sasl_is_no_settings_error(
    quitter: ZooKeeperSettings,
) -> None:
    """kazoo takes it for a wrong password; a server that was restarted must not end the agent."""
    error = _discovery_error(
        replace(quitter, sasl_user="lbdisc", sasl_password=SecretStr("secret"))
    )
    assert isinstance(error, DiscoveryError)
    assert "during SASL" in str(error)


def test_connection_that_breaks_at_the_first_request_is_retried(
    quitter: ZooKeeperSettings,
) -> None:
    settings = replace(quitter, chroot="/production")
    assert isinstance(_discovery_error(settings), DiscoveryError)
    assert isinstance(_registrar_error(settings), RegistrarError)


def test_registration_is_readable_by_all_and_writable_by_its_owner(
    secured: ZooKeeperSettings, registry: zookeeper.ZooKeeperEnsemble
) -> None:
    path = f"{secured.prefix}/web/a"
    with holding(secured, A), Editor(registry.plain_hosts) as stranger:
        eventually(lambda: stranger.get(path))
        with pytest.raises(NoAuthError):
            stranger.put(path, "{}")
        with pytest.raises(NoAuthError):
            stranger.remove(path)
        with pytest.raises(NoAuthError):
            stranger.put(f"{secured.prefix}/web/b", "{}")


def test_digest_credentials_own_what_they_register(
    plain: ZooKeeperSettings, registry: zookeeper.ZooKeeperEnsemble
) -> None:
    path = f"{plain.prefix}/web/a"
    owner = replace(plain, **DIGEST)
    with holding(owner, A), Editor(registry.plain_hosts) as stranger:
        eventually(lambda: stranger.get(path))
        with pytest.raises(NoAuthError):
            stranger.put(path, "{}")
        with Editor(registry.plain_hosts, ("alice", "pass:alice")) as alice:
            alice.put(path, "{}")


def test_private_registration_is_unreadable_for_others(plain: ZooKeeperSettings) -> None:
    owner = replace(plain, acl="private", **DIGEST)
    with ZooKeeperWatching(owner) as watching, holding(owner, A):
        watching.until_names("a")
        error = _discovery_error(replace(plain, **MALLORY))
    assert isinstance(error, DiscoveryError)
    assert "no permission" in str(error)
    assert plain.prefix in str(error)
    assert "zookeeper.sasl_user" in str(error)


def test_open_registration_is_writable_by_all(
    plain: ZooKeeperSettings, registry: zookeeper.ZooKeeperEnsemble
) -> None:
    path = f"{plain.prefix}/web/b"
    with holding(replace(plain, acl="open", **DIGEST), A), Editor(registry.plain_hosts) as stranger:
        eventually(lambda: stranger.get(f"{plain.prefix}/web/a"))
        stranger.put(path, "{}")


def test_registrar_without_permission_says_where(plain: ZooKeeperSettings) -> None:
    with ZooKeeperWatching(plain) as watching, holding(replace(plain, **DIGEST), A):
        watching.until_names("a")
        with holding(replace(plain, **MALLORY), replace(A, name="b")) as other:
            eventually(lambda: other.errors)
    error = _one_line(other.errors[0])
    assert isinstance(error, WriteRefused)
    assert f"no permission for {plain.prefix}/web/b" in str(error)


def test_node_that_may_not_be_written_any_more_is_taken_out_all_the_same(
    plain: ZooKeeperSettings, registry: zookeeper.ZooKeeperEnsemble
) -> None:
    with Editor(registry.plain_hosts) as editor, holding(plain, A) as held:
        eventually(lambda: editor.get(f"{plain.prefix}/web/a"))
        for path in (f"{plain.prefix}/web/a", f"{plain.prefix}/web"):
            editor.kazoo.set_acls(path, READ_ACL_UNSAFE)
        held.change(weight=5)
        assert isinstance(held.failed(deadline=DEADLINE), WriteRefused)
        held.stop()
        assert held.end == End(held=True)
        eventually(lambda: editor.get(f"{plain.prefix}/web/a") is None)


def test_missing_chroot_is_an_error_until_it_is_made(
    plain: ZooKeeperSettings, registry: zookeeper.ZooKeeperEnsemble
) -> None:
    chroot = f"{plain.prefix}-chroot"
    settings = replace(plain, chroot=chroot)
    with ZooKeeperWatching(settings) as watching, holding(settings, A) as held:
        eventually(lambda: watching.errors and held.errors)
        for error in (watching.errors[0], held.errors[0]):
            assert str(error) == (
                f"{chroot} does not exist in ZooKeeper: create it, or see zookeeper.chroot"
            )
        with Editor(registry.plain_hosts) as editor:
            editor.put(chroot, "")
        watching.until_names("a")


def test_untrusted_certificate_names_the_setting(
    secured: ZooKeeperSettings, tmp_path: Path
) -> None:
    other = Authority(tmp_path)
    for ca_file in (other.cert, None):
        error = _discovery_error(replace(secured, ca_file=ca_file, tls=True, connect_timeout=3))
        assert isinstance(error, DiscoveryError)
        assert "certificate is refused" in str(error)
        assert "see zookeeper.ca_file" in str(error)


def test_unverified_certificate_is_taken_if_asked_to(secured: ZooKeeperSettings) -> None:
    settings = replace(secured, ca_file=None, tls=True, verify="none")
    with ZooKeeperWatching(settings) as watching:
        watching.until(lambda s: not s.endpoints)


def test_tls_to_a_port_without_it_names_the_setting(
    secured: ZooKeeperSettings, registry: zookeeper.ZooKeeperEnsemble
) -> None:
    hosts = tuple(registry.plain_hosts)
    error = _discovery_error(replace(secured, hosts=hosts, connect_timeout=3))
    assert isinstance(error, DiscoveryError)
    assert "zookeeper.tls" in str(error)


def test_no_tls_to_a_port_with_it_names_the_setting(
    plain: ZooKeeperSettings, registry: zookeeper.ZooKeeperEnsemble
) -> None:
    error = _discovery_error(replace(plain, hosts=tuple(registry.hosts)))
    assert isinstance(error, DiscoveryError)
    assert "zookeeper.tls" in str(error)


def test_certificate_for_another_name_is_refused_unless_names_do_not_count(tmp_path: Path) -> None:
    with zookeeper.start(tmp_path, tls=True, names=("zk.example",)) as registry:
        settings = settings_from(registry.settings, connect_timeout=3)
        error = _discovery_error(settings)
        assert isinstance(error, DiscoveryError)
        assert "zookeeper.verify)" in str(error)
        with ZooKeeperWatching(replace(settings, verify="ca")) as watching:
            watching.until(lambda s: not s.endpoints)


def test_server_that_asks_for_a_certificate_gets_ours(tmp_path: Path) -> None:
    with zookeeper.start(tmp_path, client_certificates=True) as registry:
        settings = settings_from(registry.settings, connect_timeout=3)
        with ZooKeeperWatching(settings) as watching, holding(settings, A):
            watching.until_names("a")
        error = _discovery_error(replace(settings, cert_file=None, key_file=None))
        assert isinstance(error, DiscoveryError)
        assert "zookeeper.cert_file" in str(error)


def test_a_certificate_alone_owns_what_it_registers(tmp_path: Path) -> None:
    with zookeeper.start(tmp_path, client_certificates=True) as registry:
        settings = settings_from(registry.settings, acl="owner")
        with holding(settings, A), Editor(registry.plain_hosts) as stranger:
            path = f"{settings.prefix}/web/a"
            eventually(lambda: stranger.get(path))
            with pytest.raises(NoAuthError):
                stranger.put(path, "{}")


def test_server_that_wants_sasl_says_so(tmp_path: Path) -> None:
    with zookeeper.start(tmp_path, require_sasl=True) as registry:
        settings = settings_from(registry.settings)
        with ZooKeeperWatching(settings) as watching, holding(settings, A):
            watching.until_names("a")
        error = _discovery_error(replace(settings, sasl_user="", sasl_password=None))
        assert isinstance(error, SettingsError)
        assert "zookeeper.sasl_user" in str(error)


def test_password_in_plain_text_is_warned_of(
    plain: ZooKeeperSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    ZooKeeperDiscovery(replace(plain, tls=True, **DIGEST))
    assert "plain text" not in capsys.readouterr().out
    ZooKeeperDiscovery(replace(plain, **DIGEST))
    assert "plain text" in capsys.readouterr().out


@pytest.mark.parametrize("verify", ["full", "ca", "none"])
def test_a_server_that_nobody_verifies_is_warned_of(
    plain: ZooKeeperSettings, verify: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    ZooKeeperDiscovery(replace(plain, tls=True, verify=verify))
    assert ("zookeeper.verify is none" in capsys.readouterr().out) == (verify == "none")


def test_no_secret_is_ever_logged(
    plain: ZooKeeperSettings,
    secured: ZooKeeperSettings,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(0)
    settings = replace(secured, digest_user="alice", digest_password=SecretStr("hunter2"))
    with ZooKeeperWatching(settings) as watching, holding(settings, A):
        watching.until_names("a")
    _discovery_error(replace(secured, sasl_password=SecretStr("hunter2")))
    said = "".join(capfd.readouterr()) + caplog.text
    assert "hunter2" not in said
    assert zookeeper.PASSWORD not in said
    assert not [record for record in caplog.records if record.name.startswith("kazoo")]


NOBODYS = [make_digest_acl("somebody", "else", all=True)]
RECORD = '{"address": "10.0.0.2", "port": 80}'


@pytest.mark.parametrize("path", ["web/locked", "locked"])
def test_what_may_not_be_read_is_its_own_problem(
    plain: ZooKeeperSettings, registry: zookeeper.ZooKeeperEnsemble, path: str
) -> None:
    locked = f"{plain.prefix}/{path}"
    with ZooKeeperWatching(plain) as watching, Editor(registry.plain_hosts) as editor:
        editor.put(f"{plain.prefix}/web/a", RECORD)
        watching.until_names("a")
        editor.kazoo.create(locked, b"", acl=NOBODYS)
        editor.put(f"{plain.prefix}/web/b", RECORD)
        problems = watching.until_names("a", "b").problems
        assert [problem.where for problem in problems] == [locked]
        assert watching.errors == []


def test_node_that_may_not_be_read_any_more_stays_as_it_is_known(
    plain: ZooKeeperSettings, registry: zookeeper.ZooKeeperEnsemble
) -> None:
    settings, path = replace(plain, reconcile_every=0.5), f"{plain.prefix}/web/a"
    with ZooKeeperWatching(settings) as watching, Editor(registry.plain_hosts) as editor:
        editor.put(path, RECORD)
        watching.until_names("a")
        editor.kazoo.set_acls(path, NOBODYS)
        found = watching.until(lambda shot: bool(shot.problems))
        assert [endpoint.name for endpoint in found.endpoints] == ["a"]
        editor.kazoo.delete(path)
        watching.until(lambda shot: not shot.problems and not shot.endpoints)
