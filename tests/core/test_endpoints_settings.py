"""[endpoints]: networks, and what differs for a service, wherever settings come from."""

import json
from pathlib import Path
from typing import Any

import pytest

from lbdisc.errors import SettingsError
from lbdisc.settings.loading import Settings, load
from lbdisc.settings.tables import ServiceEndpoints

TEXT = """
services = ["nodes", "web"]
[endpoints]
allow = ["10.0.0.0/8"]
[endpoints.services.web]
deny = ["10.1.0.0/16"]
hosts = "refuse"
"""


def loaded(folder: Path, text: str = TEXT, **given: Any) -> Settings:
    file = folder / "lbdisc.toml"
    file.write_text(text)
    return load({}, file=file, **{"environment": {}, **given})


def test_a_service_has_a_table_of_what_differs_for_it(tmp_path: Path) -> None:
    found = loaded(tmp_path).core.endpoints
    assert found.allow == ("10.0.0.0/8",)
    assert found.services == {"web": ServiceEndpoints(deny=("10.1.0.0/16",), hosts="refuse")}


def test_flags_and_environment_add_to_the_services_of_the_file(tmp_path: Path) -> None:
    own = json.dumps({"nodes": {"hosts": "allow"}})
    flag = "endpoints.services.web.deny=10.2.0.0/16,10.3.0.0/16"
    environment = {"LBDISC_ENDPOINTS_SERVICES": own}
    found = loaded(tmp_path, environment=environment, assignments=[flag]).core.endpoints
    assert found.services == {
        "web": ServiceEndpoints(deny=("10.2.0.0/16", "10.3.0.0/16"), hosts="refuse"),
        "nodes": ServiceEndpoints(hosts="allow"),
    }


def test_config_show_names_each_setting_of_a_service_and_its_origin(tmp_path: Path) -> None:
    rows = {row.key: row for row in loaded(tmp_path).rows}
    assert rows["endpoints.services.web.hosts"].value == "refuse"
    assert rows["endpoints.services.web.hosts"].origin == str(tmp_path / "lbdisc.toml")
    assert "endpoints.services.web.allow" not in rows


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[endpoints]\nallow = ["10.0.0.7/8"]', "10.0.0.0/8 is needed"),
        ('[endpoints]\nallow = ["::ffff:10.0.0.0/104"]', "IPv4 addresses are written as such"),
        ('[endpoints]\ndeny = ["10.0.0"]', "'10.0.0' is no network"),
        ("[endpoints]\nallow = []", "name one network at least"),
        (
            '[endpoints]\nallow = ["10.0.0.0/8"]\ndeny = ["10.0.0.0/9", "10.128.0.0/9"]',
            "endpoints.deny (",
        ),
        (
            '[endpoints.services.nodes]\nallow = ["10.1.0.0/16"]\ndeny = ["10.0.0.0/8"]',
            "nobody is left of endpoints.services.nodes.allow",
        ),
        ("[endpoints]\nports = []", "name one port at least"),
        ('[endpoints]\nports = ["8099-8000"]', "'8099-8000' is no port: 3000 or 8000-8099"),
        ('[endpoints]\nports = ["0"]', "'0' is no port"),
        ('[endpoints.services.nodes]\nports = ["http"]', "endpoints.services.nodes.ports"),
        ('[endpoints]\nhosts = "no"', "it has to be 'refuse' or 'allow'"),
        ('[endpoints.services.nodes]\nalow = ["10.0.0.0/8"]', "(did you mean 'allow'?)"),
        ('[endpoints.services.nodes]\nallow = ["x"]', "bad setting endpoints.services.nodes.allow"),
        ("[endpoints.services.nodes]\nallow = []", "name one network at least"),
        ('[endpoints.services.nodes]\nhosts = "no"', "bad setting endpoints.services.nodes.hosts"),
        ('[endpoints.services.node]\nhosts = "allow"', "(did you mean 'nodes'?)"),
        ("[endpoints]\nservices = 5", "a table is needed"),
        ("[endpoints.services]\nnodes = 5", "endpoints.services.nodes"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, text)
    assert said in str(caught.value)
    assert str(tmp_path) in str(caught.value)
