"""TLS, logins and permissions on a real etcd, and what an operator is told."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from structlog.testing import capture_logs

from lbdisc.errors import DiscoveryError, SettingsError
from lbdisc.testing.recorder import Recorder
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint
from lbdisc_etcd.discovery import EtcdDiscovery
from lbdisc_etcd.failures import StaleLogin
from lbdisc_etcd.patience import Patience
from lbdisc_etcd.registrar import EtcdRegistrar
from lbdisc_etcd.settings import EtcdSettings
from lbdisc_etcd.wire import Session
from lbdisc_lab.servers.certificates import NAMES, Authority
from lbdisc_lab.servers.etcd import EtcdCluster, start
from lbdisc_lab.servers.etcd.etcdctl import PASSWORD, USER
from lbdisc_lab.servers.etcd.roles import PATIENCE, EtcdHolding, EtcdWatching, settings_of

KEY = "/lbdisc/web/a"
RECORD = '{"address": "10.0.0.7", "port": 3000}'
ENDPOINT = Endpoint(service="web", name="a", address="10.0.0.7", port=3000)


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    with start(tmp_path_factory.mktemp("secure"), tls=True, auth=True) as registry:
        yield registry


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[EtcdCluster]:
    """Logins without TLS."""
    with start(tmp_path / "etcd", auth=True) as registry:
        yield registry


@pytest.fixture
def signed(tmp_path: Path) -> Iterator[EtcdCluster]:
    """Logins whose tokens are signed (JWT)."""
    key, public = tmp_path / "jwt.key", tmp_path / "jwt.pub"
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key.write_bytes(
        made.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    public.write_bytes(
        made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    token = f"--auth-token=jwt,pub-key={public},priv-key={key},sign-method=RS256,ttl=5m"
    with start(tmp_path / "etcd", auth=True, arguments=(token,)) as registry:
        yield registry


def ends(settings: EtcdSettings) -> str:
    """The one line that ends discovery with ``settings``."""
    seen = Recorder()
    with pytest.raises(SettingsError) as caught:
        EtcdDiscovery(settings).watch(seen, threading.Event())
    text = str(caught.value)
    assert seen.snapshots == []
    assert "\n" not in text
    assert PASSWORD not in text
    assert "sesame" not in text
    return text


def refusal(registry: EtcdCluster, **changes: object) -> str:
    return ends(settings_of(registry.settings, **changes))


def test_tls_with_client_certificate_and_login_works(secure: EtcdCluster) -> None:
    with (
        EtcdWatching(settings_of(secure.settings)) as watching,
        EtcdHolding(settings_of(secure.settings), ENDPOINT),
    ):
        watching.shows("web/a")


def test_login_is_needed(secure: EtcdCluster) -> None:
    names = ("etcd.endpoints", "etcd.ca_file", "etcd.cert_file", "etcd.key_file")
    reduced = {name: secure.settings[name] for name in names}
    assert "without etcd.user" in ends(settings_of(reduced))


def test_wrong_password_names_the_setting(secure: EtcdCluster) -> None:
    assert "etcd.password" in refusal(secure, password="sesame")


def test_wrong_user_names_the_setting(secure: EtcdCluster) -> None:
    assert "etcd.user 'nobody'" in refusal(secure, user="nobody")


def test_no_permission_names_user_and_prefix(secure: EtcdCluster) -> None:
    text = refusal(secure, prefix="/other")
    assert "user 'lbdisc' (etcd.user) has no permission for read /other/ --prefix" in text
    assert "etcdctl role grant-permission ROLE read /other/ --prefix (see etcd.prefix)" in text


def test_registrar_without_permission_names_user_and_prefix(secure: EtcdCluster) -> None:
    registrar = EtcdRegistrar(settings_of(secure.settings, prefix="/other"))
    with (
        registrar.open(ENDPOINT, threading.Event()) as entry,
        pytest.raises(SettingsError, match="ROLE readwrite /other/web/a "),
    ):
        entry.put(ENDPOINT)


def test_untrusted_server_names_the_authority(secure: EtcdCluster, tmp_path: Path) -> None:
    other = Authority(tmp_path)
    text = refusal(secure, ca_file=str(other.cert))
    assert "is not trusted" in text
    assert "etcd.ca_file" in text


def test_system_authorities_are_the_default(secure: EtcdCluster) -> None:
    names = ("etcd.endpoints", "etcd.user", "etcd.password")
    text = ends(settings_of({name: secure.settings[name] for name in names}))
    assert "etcd.ca_file" in text


def test_foreign_client_certificate_names_the_setting(secure: EtcdCluster, tmp_path: Path) -> None:
    other = Authority(tmp_path).issue("client", "client")
    files = {"cert_file": str(other.cert), "key_file": str(other.key)}
    assert "etcd.cert_file" in refusal(secure, **files)


def test_certificate_for_another_host_names_the_endpoints(tmp_path: Path) -> None:
    with start(tmp_path / "etcd", tls=True) as registry:
        assert registry.certificates is not None
        registry.certificates.authority.issue("server", "elsewhere")  # etcd reads it anew
        text = refusal(registry)
    assert "is for another host" in text
    assert "etcd.endpoints" in text


def test_expired_certificate_of_the_server_is_not_trusted(tmp_path: Path) -> None:
    with start(tmp_path / "etcd", tls=True) as registry:
        assert registry.certificates is not None
        yesterday = datetime.now() - timedelta(days=1)
        registry.certificates.authority.issue("server", *NAMES, expires=yesterday)
        assert "certificate has expired" in refusal(registry)


def test_plain_http_to_a_tls_server_says_so(secure: EtcdCluster) -> None:
    url = secure.servers[0].url.replace("https", "http")
    with EtcdWatching(settings_of({"etcd.endpoints": [url]})) as watching:
        error = watching.failed(deadline=PATIENCE)
    assert "https:// in etcd.endpoints" in str(error)


def test_one_bad_member_among_good_ones_is_passed_over(secure: EtcdCluster) -> None:
    urls = ["https://127.0.0.1:1", secure.servers[0].url]
    with EtcdWatching(settings_of(secure.settings, endpoints=urls)) as watching:
        watching.shows()


def test_token_that_is_no_longer_valid_is_a_stale_login(guarded: EtcdCluster) -> None:
    settings = settings_of(guarded.settings)
    with Session(settings.members[0], settings, patience=Patience(3)) as session:
        session.login()
        assert session.get(KEY.encode()).record is None
        guarded.cli.end_tokens()
        with pytest.raises(StaleLogin):
            session.get(KEY.encode())


def test_ended_tokens_are_renewed(guarded: EtcdCluster) -> None:
    settings = settings_of(guarded.settings)
    with EtcdWatching(settings) as watching, EtcdHolding(settings, ENDPOINT) as holding:
        watching.shows("web/a")
        guarded.cli.end_tokens()
        holding.change(weight=7)
        watching.weighs(7)
        guarded.cli.end_tokens()
    assert (watching.errors, holding.errors) == ([], [])
    assert guarded.cli.keys() == []  # leaving needed a new token as well


def test_password_that_was_changed_is_taken_from_its_file(
    guarded: EtcdCluster, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    flags = {key: v for key, v in guarded.settings.items() if key != "etcd.password"}
    settings = settings_of(flags, password_file=file)
    guarded.cli.run("user", "passwd", USER, "--interactive=false", stdin="another\n")
    file.write_text("another")
    with EtcdWatching(settings) as watching:
        watching.shows()
    assert watching.errors == []


def test_signed_tokens_are_renewed_after_a_role_change(signed: EtcdCluster) -> None:
    """With JWT every token is void as soon as any role changes."""
    settings = settings_of(signed.settings)
    with EtcdWatching(settings) as watching, EtcdHolding(settings, ENDPOINT) as holding:
        watching.shows("web/a")
        for weight in (7, 8):
            signed.cli.run("role", "grant-permission", "lbdisc", "read", f"/other{weight}")
            holding.change(weight=weight)
            watching.weighs(weight)
    assert (watching.errors, holding.errors) == ([], [])


def test_role_change_while_running_goes_on(guarded: EtcdCluster) -> None:
    settings = settings_of(guarded.settings)
    with EtcdWatching(settings) as watching, EtcdHolding(settings, ENDPOINT) as holding:
        watching.shows("web/a")
        guarded.cli.run("role", "grant-permission", "lbdisc", "read", "/elsewhere")
        holding.change(weight=7)
        watching.weighs(7)
    assert watching.errors == []


def test_revoked_permission_ends_discovery_at_its_next_session(guarded: EtcdCluster) -> None:
    watching = EtcdWatching(settings_of(guarded.settings)).start()
    watching.shows()
    guarded.cli.revoke()
    guarded.restart()
    error = eventually(lambda: watching.broken)
    assert isinstance(error, SettingsError)
    assert "etcd.prefix" in str(error)


def test_reading_alone_is_enough_for_discovery(guarded: EtcdCluster) -> None:
    guarded.cli.put(KEY, RECORD)
    guarded.cli.revoke()
    guarded.cli.grant("read")
    with EtcdWatching(settings_of(guarded.settings)) as watching:
        watching.shows("web/a")


def test_a_lease_that_another_has_hung_a_key_on_holds_no_entry_back(guarded: EtcdCluster) -> None:
    """etcd lets any user do that in a transaction, and then not let its owner end it."""
    settings = settings_of(guarded.settings, ttl=600)
    with EtcdWatching(settings) as watching, EtcdHolding(settings, ENDPOINT) as holding:
        watching.shows("web/a")
        guarded.cli.run("put", f"--lease={guarded.cli.field(KEY, 'Lease'):x}", "/thief", "x")
        holding.change(weight=7)
        watching.weighs(7)
        holding.leave()
        watching.shows()
    assert holding.errors == []
    assert guarded.cli.value("/thief") == "x"


def test_password_for_a_cluster_without_logins_is_no_error(tmp_path: Path) -> None:
    with start(tmp_path / "etcd") as registry:
        settings = settings_of(registry.settings, user="me", password="sesame")
        with EtcdWatching(settings) as watching, EtcdHolding(settings, ENDPOINT):
            watching.shows("web/a")


def test_password_over_plaintext_is_warned_of() -> None:
    login = {"etcd.user": "me", "etcd.password": "sesame"}
    with capture_logs() as logs:
        EtcdDiscovery(settings_of({"etcd.endpoints": ["http://a:1"], **login}))
        EtcdDiscovery(settings_of({"etcd.endpoints": ["https://a:1"], **login}))
    assert [line["event"] for line in logs] == [
        "etcd.password travels unencrypted: use https:// in etcd.endpoints"
    ]
    assert "sesame" not in repr(logs)


def test_secrets_stay_out_of_logs_errors_and_reprs(guarded: EtcdCluster) -> None:
    with capture_logs() as logs:
        settings = settings_of(guarded.settings)
        with EtcdWatching(settings) as watching, EtcdHolding(settings, ENDPOINT) as holding:
            watching.shows("web/a")
            guarded.kill()
            eventually(lambda: watching.errors and holding.errors)
            guarded.start()
    told = [logs, watching.errors, holding.errors, settings, vars(EtcdDiscovery(settings))]
    assert PASSWORD not in repr(told)
    assert all(isinstance(error, DiscoveryError) for error in watching.errors)
