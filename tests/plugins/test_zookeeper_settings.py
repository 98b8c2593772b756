"""What [zookeeper] may hold, and what is said about the rest; no server is needed."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from lbdisc.errors import SettingsError
from lbdisc.plugins import Plugins
from lbdisc_zookeeper.connection import Connection
from lbdisc_zookeeper.discovery import ZooKeeperDiscovery
from lbdisc_zookeeper.registrar import ZooKeeperRegistrar
from lbdisc_zookeeper.settings import ZooKeeperSettings, base_path, members


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


@pytest.mark.parametrize("scheme", ["sasl", "digest"])
def test_user_without_password_names_the_setting(scheme: str) -> None:
    settings = ZooKeeperSettings(**{f"{scheme}_user": "lbdisc"})  # type: ignore[arg-type]  # a str
    with pytest.raises(SettingsError, match=rf"zookeeper\.{scheme}_password"):
        Connection(settings, tell=print)


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


def test_key_without_certificate_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"zookeeper\.key_file"):
        Connection(ZooKeeperSettings(tls=True, key_file=tmp_path / "key.pem"), tell=print)


def test_secrets_are_not_shown() -> None:
    settings = ZooKeeperSettings(sasl_password=SecretStr("hunter2"))
    assert "hunter2" not in repr(settings)
