"""What [metrics] may hold, and what is said about the rest."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from lbdisc.errors import SettingsError
from lbdisc.plugins import Plugins
from lbdisc.settings.loading import load
from lbdisc_metrics.settings import Door, MetricsSettings, door


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("9105", Door("127.0.0.1", 9105)),
        (":9105", Door("127.0.0.1", 9105)),
        ("localhost:9105", Door("127.0.0.1", 9105)),
        ("[::1]:9105", Door("::1", 9105)),
        ("0.0.0.0:80", Door("0.0.0.0", 80)),
        ("", None),
    ],
)
def test_a_door_is_a_port_with_an_address_or_without(text: str, where: Door | None) -> None:
    assert door(text, "bind") == where


@pytest.mark.parametrize("text", ["::1:9105", "lb1:9105", "127.0.0.1:0", "70000", "x", "[::1]"])
def test_what_is_no_door_is_named_with_one_that_is(text: str) -> None:
    with pytest.raises(ValueError, match=r"bind .* is no place to listen: 9105, 127.0.0.1:9105"):
        door(text, "bind")


@pytest.mark.parametrize("setting", ["bind", "register_bind"])
def test_beyond_loopback_a_token_is_needed(setting: str) -> None:
    with pytest.raises(ValueError, match=f"{setting} 0.0.0.0:9105 can be reached .*token_file"):
        MetricsSettings(**{setting: "0.0.0.0:9105"})  # type: ignore[arg-type]
    MetricsSettings(**{setting: "0.0.0.0:9105", "token": SecretStr("x")})  # type: ignore[arg-type]


def test_an_empty_token_and_a_key_alone_are_refused() -> None:
    with pytest.raises(ValueError, match="token is empty"):
        MetricsSettings(token=SecretStr(" "))
    with pytest.raises(ValueError, match="tls_key is set but tls_cert is not"):
        MetricsSettings(tls_key=Path("key.pem"))


def test_a_settings_file_is_refused_in_one_line_that_names_the_table(tmp_path: Path) -> None:
    file = tmp_path / "lbdisc.toml"
    file.write_text('[metrics]\nbind = "[::]:9105"\n')
    with pytest.raises(SettingsError, match=r"metrics.*bind \[::\]:9105 can be reached") as found:
        load(Plugins.load().tables, file=file, environment={})
    assert "\n" not in str(found.value)


def test_the_token_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("geheim\n")
    file = tmp_path / "lbdisc.toml"
    file.write_text(f'[metrics]\nbind = "[::]:9105"\ntoken_file = "{tmp_path / "token"}"\n')
    found = load(Plugins.load().tables, file=file, environment={}).table("metrics")
    assert found.token.get_secret_value() == "geheim"
    assert "geheim" not in repr(found)


def test_switched_off_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; from lbdisc_metrics.plugin import lbdisc_listener as offer;"
        "provider = offer(); listener = provider.create(provider.settings());"
        "heavy = ('prometheus_client', 'asyncio', 'http.server', 'opentelemetry', 'requests');"
        "print([m for m in heavy if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
