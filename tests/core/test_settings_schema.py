"""The JSON Schema of lbdisc.toml: true of the documents, and of one mind with the loader."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import SecretStr

from lbdisc.errors import SettingsError
from lbdisc.plugins import Plugins
from lbdisc.settings.exporting import exported
from lbdisc.settings.loading import Settings, load
from lbdisc.settings.schema import settings_schema
from lbdisc.settings.sources import leaves

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TABLES = Plugins.load().tables
VALIDATOR = Draft202012Validator(settings_schema(TABLES))
NOT_OURS = re.compile(r"\[project|\[build-system|entry-points", re.MULTILINE)
EXAMPLES = [
    (f"{page.name}-{number}", text)
    for page in PAGES
    for number, text in enumerate(re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL))
    if not NOT_OURS.search(text)
]


def refusals(text: str) -> list[str]:
    """What the schema says against it."""
    return [error.message for error in VALIDATOR.iter_errors(tomllib.loads(text))]


def loaded(folder: Path, text: str) -> Settings:
    file = folder / "lbdisc.toml"
    file.write_text(text)
    return load(TABLES, file=file, environment={})


def test_the_schema_is_one_of_its_draft_and_has_every_setting_with_its_help() -> None:
    schema: dict[str, Any] = VALIDATOR.schema  # type: ignore[assignment]
    Draft202012Validator.check_schema(schema)
    for key, leaf in leaves(TABLES).items():
        table, _, name = key.rpartition(".")
        place = schema["properties"][table] if table else schema
        assert place["additionalProperties"] is False
        assert place["properties"][name].get("description", "") == leaf.help


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 10


@pytest.mark.parametrize(("where", "text"), EXAMPLES, ids=[where for where, _ in EXAMPLES])
def test_examples_in_the_documents_fit(where: str, text: str) -> None:
    assert refusals(text) == []


def test_the_settings_of_the_images_fit() -> None:
    assert refusals((ROOT / "images" / "lbdisc.toml").read_text()) == []


GOOD = [
    "",
    'backend = "etcd"\nservices = ["web", "api"]',
    "[agent]\nquiet = 0\nverify_every = 30",
    "[guard]\nmax_loss = 1",
    "[register]\nport = 65535\nweight = 0\n[register.tags]\nzone = 'a'",
    "[etcd]\nendpoints = ['http://a:1']\nport = 80",
    "[haproxy]\nmode = 'attached'\nfiles = ['/etc/a.cfg']\npass_environment = ['LBDISC_X']",
    "[endpoints]\nports = ['80', '8000-8099']\n[endpoints.services.nodes]\nallow = ['10.0.0.0/8']",
    "[jinja2.vars]\nanything = [{a = 1}]\n",
    "[zookeeper]\nacl = 'open'",
]
BAD = [
    "bakend = 'etcd'",
    "services = []",
    "services = ['a', 'a']",
    "services = ['_own']",
    "services = 'web'",
    "output = ''",
    "[agent]\nquiet = -1",
    "[agent]\nverify_every = 0",
    "[agent]\nquiet = true",
    "[agent]\nnobody = 1",
    "[guard]\nmax_loss = 2",
    "[register]\nport = 0",
    "[register]\nport = 80.5",
    "[register]\nservice = 'a b'",
    "[register.tags]\nzone = 1",
    "agent = 3",
    "[haproxy]\nmode = 'other'",
    "[haproxy]\nbinary = ''",
    "[haproxy]\npass_environment = ['HOME']",
    "[endpoints]\nports = ['http']",
    "[endpoints]\nallow = []",
    "[endpoints.services.nodes]\nallw = ['10.0.0.0/8']",
    "[log]\nlevel = 'loud'",
    "[etcd]\nuser = 'a'\npassword = 'b'\npassword_file = '/dev/null'",
    "[nothing]\na = 1",
]
# Only the machine, or several settings together, tell that these are wrong.
LOADER_ALONE = ["[etcd]\nuser = 'a'", "[endpoints]\ndeny = ['0.0.0.0/0', '::/0']"]
# A text for a number, as the environment has it.
SCHEMA_ALONE = ["[agent]\nquiet = '0.5'", "[register]\nport = '80'", "[haproxy]\nruntime = 'yes'"]


@pytest.mark.parametrize("text", GOOD)
def test_what_is_good_is_so_for_both(tmp_path: Path, text: str) -> None:
    assert refusals(text) == []
    loaded(tmp_path, text)


@pytest.mark.parametrize("text", BAD)
def test_what_is_bad_is_so_for_both(tmp_path: Path, text: str) -> None:
    assert refusals(text) != []
    with pytest.raises(SettingsError):
        loaded(tmp_path, text)


def test_where_they_differ_is_known(tmp_path: Path) -> None:
    for text in LOADER_ALONE:
        assert refusals(text) == []
        with pytest.raises(SettingsError):
            loaded(tmp_path, text)
    for text in SCHEMA_ALONE:
        assert refusals(text) != []
        loaded(tmp_path, text)


def test_all_that_is_exported_fits_and_loads_to_the_same(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "services = ['web']\n[register.tags]\n'a.b' = '\"x\"'\n")
    text = exported(settings, schema="./s.json", everything=True)
    assert text.startswith("#:schema ./s.json\n")
    assert refusals(text) == []
    again = loaded(tmp_path, text)
    assert [(row.key, row.value) for row in again.rows] == [
        (row.key, row.value) for row in settings.rows
    ]


def test_an_export_has_what_was_set_alone(tmp_path: Path) -> None:
    text = exported(loaded(tmp_path, "[agent]\nquiet = 0.5\n"), schema="./s.json")
    assert text == "#:schema ./s.json\n\n[agent]\nquiet = 0.5\n"


def test_an_export_has_no_secret_but_its_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hush-1")
    toml = f"[etcd]\nuser = 'a'\npassword_file = '{secret}'\n"
    toml += "[zookeeper]\nsasl_user = 'b'\nsasl_password = 'hush-2'\n"
    toml += "[jinja2.vars]\ncookie_key = 'hush-3'\n"
    text = exported(loaded(tmp_path, toml), schema="./s.json", everything=True)
    assert "hush" not in text
    assert f'password_file = "{secret}"' in text
    assert "# sasl_password is a secret and left out" in text
    assert "# vars.cookie_key is a secret and left out" in text


def test_a_plugin_of_a_stranger_is_in_the_schema() -> None:
    from dataclasses import make_dataclass

    kind = make_dataclass(
        "Strange", [("token", SecretStr | None, None), ("places", tuple[Path, ...], ())]
    )
    table = settings_schema({"strange": kind})["properties"]["strange"]["properties"]
    assert set(table) == {"token", "token_file", "places"}
    assert table["places"]["items"]["type"] == "string"
