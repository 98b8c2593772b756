"""The table [etcd]: what is accepted, and what is said about the rest."""

import pytest
from pydantic import SecretStr

from lbdisc.errors import SettingsError
from lbdisc.plugins import Plugins
from lbdisc.settings.loading import Settings, load
from lbdisc_etcd.settings import EtcdMember, EtcdSettings


def loaded(**flags: object) -> EtcdSettings:
    found: EtcdSettings = configuration(**flags).table("etcd")
    return found


def configuration(**flags: object) -> Settings:
    keyed = {f"etcd.{name}": value for name, value in flags.items()}
    return load({"etcd": EtcdSettings}, flags=keyed, environment={})


def test_backend_is_offered_with_one_table() -> None:
    plugins = Plugins.load()
    assert plugins.discovery("etcd").settings is plugins.registrar("etcd").settings
    assert plugins.broken == []


@pytest.mark.parametrize(
    ("text", "member"),
    [
        ("127.0.0.1:2379", EtcdMember("127.0.0.1", 2379)),
        ("etcd", EtcdMember("etcd", 2379)),
        ("http://etcd-0.etcd:99", EtcdMember("etcd-0.etcd", 99)),
        ("https://etcd:2379/", EtcdMember("etcd", 2379, secure=True)),
        ("[::1]:2379", EtcdMember("::1", 2379)),
        ("https://[fd00::1]", EtcdMember("fd00::1", 2379, secure=True)),
    ],
)
def test_endpoint_may_be_written_as(text: str, member: EtcdMember) -> None:
    assert loaded(endpoints=[text]).members == (member,)


@pytest.mark.parametrize(
    "text",
    [
        "", ":2379", "a:b", "a:0", "a:65536", "::1", "a b:1", "ftp://a:1", "unix:///run/etcd",
        "http://a:1/path", "http://a:1?x=1", "a:1,b:2", "http://", "a:1\nb", "10.0.0:1",
    ],
)  # fmt: skip
def test_nonsense_is_refused_as_an_endpoint(text: str) -> None:
    with pytest.raises(SettingsError, match="endpoints") as caught:
        loaded(endpoints=[text])
    assert "\n" not in str(caught.value)


def test_password_in_an_endpoint_is_refused_and_not_shown() -> None:
    with pytest.raises(SettingsError, match="endpoints") as caught:
        loaded(endpoints=["http://me:sesame@etcd:2379"])
    assert "sesame" not in str(caught.value)


def test_endpoints_come_from_the_environment_split_at_commas() -> None:
    environment = {"LBDISC_ETCD_ENDPOINTS": "a:1, b:2"}
    found = load({"etcd": EtcdSettings}, environment=environment).table("etcd")
    assert [str(member) for member in found.members] == ["http://a:1", "http://b:2"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"endpoints": []}, "endpoints is empty"),
        ({"endpoints": ["http://a", "https://b"]}, "mixes http and https"),
        ({"endpoints": ["a", "https://b"]}, "mixes http and https"),
        ({"user": "me"}, "user is set but password is not"),
        ({"password": "sesame"}, "password is set but user is not"),
        ({"user": "me", "password": ""}, "user is set but password is not"),
        ({"endpoints": ["https://a"], "cert_file": "c"}, "cert_file is set but key_file is not"),
        ({"endpoints": ["https://a"], "key_file": "k"}, "key_file is set but cert_file is not"),
        ({"ca_file": "c"}, "ca_file is set but no endpoint begins with https://"),
        ({"cert_file": "c", "key_file": "k"}, "cert_file is set but no endpoint begins with"),
        ({"prefix": "/"}, "prefix '/'"),
        ({"prefix": ""}, "prefix ''"),
        ({"prefix": "/a//b"}, "prefix '/a//b'"),
        ({"ttl": 1}, "etcd.ttl"),
        ({"format": "xml"}, "etcd.format"),
        ({"port": 0}, "etcd.port"),
        ({"request_timeout": 0}, "etcd.request_timeout"),
    ],
)
def test_what_cannot_work_is_refused(flags: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(**flags)
    assert said in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_prefix_loses_its_last_slash() -> None:
    assert loaded(prefix="/a/b/").prefix == "/a/b"


def test_repeated_endpoints_count_once() -> None:
    assert len(loaded(endpoints=["a:1", "http://a:1", "b:1"]).members) == 2


def test_password_is_never_shown() -> None:
    found = configuration(user="me", password="sesame")
    settings = found.table("etcd")
    assert settings.password == SecretStr("sesame")
    assert "sesame" not in repr(settings)
    assert "sesame" not in repr([row for row in found.rows if row.key.startswith("etcd.")])
