"""What [zookeeper] may hold, and what is said about the rest; no server is needed."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from lbdisc.errors import SettingsError
from lbdisc.plugins import Plugins
from lbdisc.settings.loading import load
from lbdisc_zookeeper.connection import Connection
from lbdisc_zookeeper.discovery import ZooKeeperDiscovery
from lbdisc_zookeeper.registrar import ZooKeeperRegistrar
from lbdisc_zookeeper.settings import ZooKeeperSettings, base_path, members

DIGEST: dict[str, Any] = {"digest_user": "alice", "digest_password": SecretStr("secret")}


def test_plugin_offers_a_discovery_and_a_registrar_with_one_table() -> None:
    plugins = Plugins.load()
    assert plugins.discovery("zookeeper").settings is ZooKeeperSettings
    assert plugins.registrar("zookeeper").settings is ZooKeeperSettings
    assert plugins.tables["zookeeper"] is ZooKeeperSettings


def test_plugin_module_imports_neither_kazoo_nor_pydantic() -> None:
    code = (
        "import sys, lbdisc_zookeeper.plugin;"
        "print([m for m in ('kazoo', 'puresasl', 'pydantic') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_format_that_the_core_adds_is_taken() -> None:
    code = (
        "from typing import Literal; from pydantic import TypeAdapter; from lbdisc import formats;"
        "formats.Format = Literal['lbdisc', 'new'];"
        "from lbdisc_zookeeper.settings import ZooKeeperSettings;"
        "print(TypeAdapter(ZooKeeperSettings).validate_python({'format': 'new'}).format)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "new"


@pytest.mark.parametrize(
    ("text", "member"),
    [("zk1:2182", "zk1:2182"), ("zk1", "zk1:2181"), ("[::1]:2182", "[::1]:2182"), (" a:1 ", "a:1")],
)
def test_member_is_host_and_port(text: str, member: str) -> None:
    assert members(ZooKeeperSettings(hosts=(text,))) == [member]


@pytest.mark.parametrize("text", ["", "zk1:port", "zk1:99999", "zk1:2181/chroot", "u@zk1", ":1"])
def test_bad_member_names_the_setting(text: str) -> None:
    with pytest.raises(SettingsError, match=r"zookeeper\.hosts"):
        members(ZooKeeperSettings(hosts=(text,)))


def test_no_members_is_an_error() -> None:
    with pytest.raises(SettingsError, match=r"zookeeper\.hosts is empty"):
        members(ZooKeeperSettings(hosts=()))


@pytest.mark.parametrize(("text", "path"), [("/", ""), ("", ""), ("/a/b/", "/a/b"), ("/a", "/a")])
def test_slash_at_the_end_of_a_path_is_left_out(text: str, path: str) -> None:
    assert base_path(text, what="zookeeper.prefix") == path


@pytest.mark.parametrize("text", ["lbdisc", "/a//b", "/a/../b", "/./a", "/a\n", "/a\0b"])
def test_bad_prefix_names_the_setting(text: str) -> None:
    with pytest.raises(SettingsError, match=r"zookeeper\.prefix"):
        ZooKeeperDiscovery(ZooKeeperSettings(prefix=text))


def test_registrar_writes_the_own_format_only() -> None:
    with pytest.raises(SettingsError, match=r"zookeeper\.format is 'nerve'"):
        ZooKeeperRegistrar(ZooKeeperSettings(format="nerve"))


def test_sasl_without_its_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "puresasl", None)  # as if it were not installed
    settings = ZooKeeperSettings(sasl_user="lbdisc", sasl_password=SecretStr("secret"))
    with pytest.raises(SettingsError, match=r"^zookeeper\.sasl_user: .* lbdisc-zookeeper\[sasl\]"):
        Connection(settings, tell=print)


@pytest.mark.parametrize("name", ["ca_file", "cert_file"])
def test_missing_tls_file_names_the_setting(name: str, tmp_path: Path) -> None:
    settings = ZooKeeperSettings(**{name: tmp_path / "none.pem"})  # type: ignore[arg-type]  # a Path
    with pytest.raises(SettingsError, match=rf"zookeeper\.{name}.*No such file"):
        Connection(settings, tell=print)


def test_ca_file_without_certificates_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate\n")
    with pytest.raises(SettingsError, match=r"zookeeper\.ca_file"):
        Connection(ZooKeeperSettings(ca_file=tmp_path / "ca.pem"), tell=print)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"digest_password": "pw"}, "digest_password is set but digest_user is not"),
        ({"digest_user": "u"}, "digest_user is set but digest_password is not"),
        ({"digest_user": "u", "digest_password": ""}, "digest_user is set but digest_password"),
        ({"sasl_password": "pw"}, "sasl_password is set but sasl_user is not"),
        ({"sasl_user": "u"}, "sasl_user is set but sasl_password is not"),
        ({"key_file": "/key.pem"}, "key_file is set but cert_file is not"),
        ({"acl": "owner"}, "acl is 'owner' but nobody logs in, so all could write"),
        ({"acl": "private", "tls": True}, "acl is 'private' but nobody logs in"),
    ],
)
def test_half_a_login_is_one_line(given: dict[str, object], said: str) -> None:
    assignments = [f"zookeeper.{key}={value}" for key, value in given.items()]
    with pytest.raises(SettingsError) as caught:
        load({"zookeeper": ZooKeeperSettings}, environment={}, assignments=assignments)
    assert f"bad setting zookeeper: {said}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "access"),
    [
        ({}, "open"),
        (DIGEST, "owner"),
        ({**DIGEST, "acl": "open"}, "open"),
        ({**DIGEST, "acl": "private"}, "private"),
        ({"acl": "owner", "cert_file": Path("/cert.pem")}, "owner"),
    ],
)
def test_who_may_write_follows_from_who_logs_in(given: dict[str, Any], access: str) -> None:
    assert ZooKeeperSettings(**given).access == access


@pytest.mark.parametrize(
    ("given", "warned"),
    [
        ({}, False),
        ({"hosts": ("127.0.0.1:2181", "[::1]:2181", "localhost")}, False),
        ({"hosts": ("zk:2181",)}, True),
        ({"hosts": ("127.0.0.1", "10.0.0.1")}, True),
        ({"hosts": ("zk:2181",), "acl": "open"}, False),
        ({"hosts": ("zk:2181",), **DIGEST}, False),
    ],
)
def test_what_all_may_write_is_said_unless_it_is_meant(
    given: dict[str, Any], warned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    ZooKeeperRegistrar(ZooKeeperSettings(**given))
    assert ("all who reach ZooKeeper may change" in capsys.readouterr().out) is warned


def test_secrets_are_not_shown() -> None:
    settings = ZooKeeperSettings(sasl_user="a", sasl_password=SecretStr("hunter2"))
    assert "hunter2" not in repr(settings)
