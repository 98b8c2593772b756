"""Records: ours, and those that other systems write."""

import json

import pytest

from lbdisc import Endpoint, formats, records
from lbdisc.errors import EntryError
from lbdisc.formats import Format
from lbdisc.values import MAX_ALL_TAGS

FULL = Endpoint(
    service="nodes",
    name="s1",
    address="10.0.0.7",
    port=3000,
    weight=50,
    state="draining",
    tags=(("zone", "a"),),
)


def test_a_record_survives_writing_and_reading() -> None:
    assert records.read(records.write(FULL), service="nodes", name="s1") == FULL


def test_missing_members_take_defaults_and_unknown_ones_are_kept_out() -> None:
    text = '{"address": "10.0.0.7", "port": 3000, "server": "evil 10.6.6.6:80"}'
    found = records.read(text, service="nodes", name="s1")
    assert (found.weight, found.state, found.tags) == (100, "ready", ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{",
        '{"port": 80}',
        '{"address": "10.0.0.7"}',
        '{"address": "10.0.0.7\\n server evil 10.6.6.6:80", "port": 80}',
        '{"address": "10.0.0.7", "port": "80"}',
        '{"address": "10.0.0.7", "port": 80, "weight": null}',
        '{"address": "10.0.0.7", "port": 80, "tags": {"a": ["b"]}}',
        "[" * 100_000,
        '{"a": "' + "x" * 70_000 + '"}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_record_is_refused_in_one_line(text: str | bytes) -> None:
    with pytest.raises(EntryError) as caught:
        records.read(text, service="nodes", name="s1")
    assert "\n" not in str(caught.value)


# Records as the documentation of those systems shows them.
NERVE = {"host": "10.0.0.7", "port": 3000, "name": "i-1234", "weight": 5, "labels": {"az": "b"}}
SERVER_SET = {
    "serviceEndpoint": {"host": "10.0.0.7", "port": 3000},
    "additionalEndpoints": {"admin": {"host": "10.0.0.7", "port": 9990}},
    "status": "ALIVE",
    "shard": 3,
}
CURATOR = {
    "name": "nodes",
    "id": "5c4b8f0e-6f9d-4ac5-bd2a-5a1d7d8e2b11",
    "address": "10.0.0.7",
    "port": 3000,
    "sslPort": None,
    "payload": None,
    "registrationTimeUTC": 1325129459728,
    "serviceType": "DYNAMIC",
    "uriSpec": None,
}


@pytest.mark.parametrize(
    ("format", "text", "extra"),
    [
        ("lbdisc", '{"address": "10.0.0.7", "port": 3000}', {}),
        ("hostport", "10.0.0.7:3000\n", {}),
        ("nerve", json.dumps(NERVE), {"weight": 5, "tags": (("az", "b"),)}),
        ("serverset", json.dumps(SERVER_SET), {"tags": (("shard", "3"),)}),
        ("curator", json.dumps(CURATOR), {"tags": (("id", CURATOR["id"]),)}),
    ],
)
def test_foreign_formats_are_read(format: Format, text: str, extra: dict[str, object]) -> None:
    found = formats.parse(format, text.encode(), service="nodes", name="s1")
    expected = {"service": "nodes", "name": "s1", "address": "10.0.0.7", "port": 3000, **extra}
    assert found == Endpoint(**expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("format", "record"),
    [
        ("serverset", {**SERVER_SET, "status": "DEAD"}),
        ("serverset", {**SERVER_SET, "status": "STARTING"}),
        ("curator", {**CURATOR, "enabled": False}),
    ],
)
def test_one_that_says_it_is_not_there_is_left_out(
    format: Format, record: dict[str, object]
) -> None:
    assert formats.parse(format, json.dumps(record), service="nodes", name="s1") is None


def test_a_stopping_server_set_member_drains() -> None:
    text = json.dumps({**SERVER_SET, "status": "STOPPING"})
    found = formats.parse("serverset", text, service="nodes", name="s1")
    assert found is not None
    assert found.draining


@pytest.mark.parametrize(
    ("text", "host_port"), [("[2001:db8::7]:80", "[2001:db8::7]:80"), ("10.0.0.7", "10.0.0.7:3000")]
)
def test_host_port_knows_ipv6_and_a_default_port(text: str, host_port: str) -> None:
    found = formats.parse("hostport", text, service="nodes", name="s1", port=3000)
    assert found is not None
    assert found.host_port == host_port


@pytest.mark.parametrize(
    "text", ["2001:db8::7:80", "10.0.0.7:http", ":", "a:99999", b"\xff:80", ""]
)
def test_a_bad_host_port_is_refused(text: str | bytes) -> None:
    with pytest.raises(EntryError):
        formats.parse("hostport", text, service="nodes", name="s1")


@pytest.mark.parametrize("sign", ["x", '"', "\u00e9", "\u20ac", "\U0001f600"])
def test_the_largest_endpoint_that_may_be_fits_into_a_record(sign: str) -> None:
    text = sign * (MAX_ALL_TAGS // 8 // len(sign.encode()) - 4)
    tags = {f"t{n}": text for n in range(8)}
    host = ".".join(["x" * 62] * 4)
    largest = Endpoint(service="s" * 255, name="n" * 255, address=host, port=65535, tags=tags)  # type: ignore[arg-type]
    assert len(records.write(largest)) < records.MAX_RECORD // 2
    assert records.read(records.write(largest), service="s" * 255, name="n" * 255) == largest
