"""What the default template takes for each service, and that HAProxy has nothing to warn of."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lbdisc import Endpoint, Snapshot
from lbdisc.builtin.jinja2.renderer import JinjaRenderer, JinjaSettings
from lbdisc.cli.rehearsing import made_up
from lbdisc.errors import RenderError, SettingsError
from lbdisc.haproxy.advice import advice
from lbdisc_lab.servers.certificates import Authority

SERVICES = ("nodes", "api")
QUIET = {"http_bind": "127.0.0.1:18080", "stats_bind": "127.0.0.1:18081", "cli_bind": ""}
OWN = {"bind": "127.0.0.1:18082"}
TCP = {**OWN, "mode": "tcp"}


def renderer(api: Mapping[str, Any], folder: Path = Path("/state"), **others: Any) -> JinjaRenderer:
    variables = {**QUIET, **others, "services": {"api": dict(api)}}
    return JinjaRenderer(JinjaSettings(services=SERVICES, state_dir=folder, vars=variables))


@pytest.mark.parametrize(
    ("api", "words"),
    [
        ({"mode": "tcp"}, ["api.mode", "needs a bind of its own"]),
        ({"mode": "udp"}, ["api.mode", "'udp' is not `http`, or `tcp`"]),
        ({**TCP, "cookie": "S"}, ["api.cookie", "mode tcp has no cookies"]),
        ({**OWN, "host": "a.example"}, ["api.host", "has a bind of its own"]),
        ({**OWN, "path": "/a"}, ["api.path", "has a bind of its own"]),
        ({"slowstart": "10s", "balance": "static-rr"}, ["api.balance", "slowstart and canary"]),
        ({"canary": {}, "balance": "source"}, ["api.balance", "slowstart and canary"]),
        ({**TCP, "balance": "uri whole"}, ["api.mode", "this balance is one of http"]),
        ({"canary": {"share": 101}}, ["api.canary.share", "101 is not the percentage"]),
        ({"canary": {"shaer": 1}}, ["api.canary.shaer", "did you mean 'share'?"]),
        ({"timeouts": {"client": "1m"}}, ["api.timeouts.client", "jinja2.vars.timeouts"]),
        ({"timeouts": {"server": "5"}}, ["api.timeouts.server", "its type is time", "`10s`"]),
        ({"timeouts": {"server": "25d"}}, ["api.timeouts.server", "from 1ms to 24d"]),
        ({"timeouts": {"server": "0s"}}, ["api.timeouts.server", "from 1ms to 24d"]),
        ({"timeouts": {"sever": "5s"}}, ["api.timeouts.sever", "did you mean 'server'?"]),
        ({"timeouts": "5s"}, ["api.timeouts", "its type is table"]),
        ({"tls": {}}, ["api.tls", "it needs ca", "and sni", "verify = 'none'"]),
        ({"tls": {"ca": "/a.pem"}}, ["api.tls", "and sni"]),
        ({"tls": {"verify": "no"}}, ["api.tls.verify", "'no' is not `required`, or `none`"]),
        ({"check_host": "a.example"}, ["api.check_host", "check is no HTTP check"]),
        ({"check": "redis", "check_status": "200"}, ["api.check_status", "no HTTP check"]),
        ({"check": "/", "check_status": "2xx"}, ["api.check_status", "'2xx' is not the good"]),
        ({"check": "/", "check_send": "PING"}, ["api.check_send", "for a TCP check"]),
        ({"check": "smtp", "check_text": "220"}, ["api.check_text", "HTTP or TCP check"]),
        ({"check_fall": 0}, ["api.check_fall", "0 is not at least 1"]),
        ({"check": "mysql"}, ["api.check", "'mysql' is not a check"]),
        ({"server_maxqueue": 3}, ["api.server_maxqueue", "nobody waits"]),
        ({"server_maxconn": 0}, ["api.server_maxconn", "0 is not at least 1"]),
        ({"send_proxy": "v3"}, ["api.send_proxy", "'v3' is not `v1` or `v2`"]),
    ],
)
def test_what_does_not_go_together_is_one_line(api: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        renderer(api)
    assert [word for word in words if word not in str(caught.value)] == [], caught.value
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "word"),
    [
        ({"slowstart": "10s", "balance": "source"}, "jinja2.vars.slowstart"),
        ({"metrics_uri": "/metrics", "stats_bind": ""}, "jinja2.vars.metrics_uri"),
        ({"stats_bind": "*:1936"}, "stats_bind: others than this machine reach it"),
        ({"stats_bind": "127.0.0.1:1,[::]:1"}, "stats_bind: others than this machine reach it"),
        ({"stats_password": "p", "stats_bind": ""}, "stats_password: there is no stats_bind"),
        ({"cli_level": "admin"}, "cli_level: it is the level of cli_bind, which is not set"),
        ({"cli_bind": "127.0.0.1:1 level admin"}, "is not an address and port for HAProxy's CLI"),
        ({"timeouts": {"conect": "1s"}}, "did you mean 'connect'?"),
    ],
)
def test_nor_for_all_services(variables: dict[str, Any], word: str) -> None:
    with pytest.raises(SettingsError, match=word.replace("?", r"\?")):
        renderer({}, **variables)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"stats_bind": QUIET["http_bind"]}, "two binds of 127.0.0.1:18080"),
        ({"services": {"api": OWN, "nodes": OWN}}, "two binds of 127.0.0.1:18082"),
        (
            {"services": {"apo": {}}},
            "no service 'apo' in the setting services (did you mean 'api'?)",
        ),
    ],
)
def test_what_only_shows_when_it_is_rendered_is_one_line(
    variables: dict[str, Any], words: str
) -> None:
    made = JinjaRenderer(JinjaSettings(services=SERVICES, vars={**QUIET, **variables}))
    with pytest.raises(RenderError) as caught:
        made.render(Snapshot())
    assert words in str(caught.value)


def test_what_is_set_for_a_service_leaves_the_other_defaults() -> None:
    text = renderer({}, timeouts={"server": "5m"}).render(Snapshot()).text
    assert "    timeout server 5m\n" in text
    assert "    timeout connect 5s\n" in text


def test_services_with_binds_of_their_own_leave_the_common_one() -> None:
    text = renderer(TCP).render(Snapshot()).text
    assert "use_backend api" not in text
    assert "frontend front:api\n    bind 127.0.0.1:18082\n    mode tcp\n" in text
    both = {"services": {"api": OWN, "nodes": {"bind": "127.0.0.1:18083"}}}
    alone = JinjaRenderer(JinjaSettings(services=SERVICES, vars={**QUIET, **both}))
    assert "frontend localnodes" not in alone.render(Snapshot()).text


TIMES = st.sampled_from(("1ms", "1500ms", "10s", "2m", "24d"))
TEXTS = st.text(
    alphabet=st.characters(min_codepoint=32, exclude_categories=["Cc", "Zl", "Zp", "Cs"]),
    min_size=1,
    max_size=20,
)
BACK = ("connect", "server", "tunnel", "queue", "check")
FRONT = ("client", "http_request", "http_keep_alive")
NAMES = st.sampled_from(("", "S", "NODE-1"))
TAGS = st.sampled_from(("", "canary", "spare=yes"))


def some(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any of these, or none."""
    return st.fixed_dictionaries({}, optional=parts)


CHECKS = st.one_of(
    some(check=st.sampled_from(("", "redis", "smtp", "ldap", "mysql root", "pgsql root"))),
    some(check=st.just(""), check_send=TEXTS, check_text=TEXTS),
    st.fixed_dictionaries(
        {"check": st.sampled_from(("/", "HEAD /h?a='b'", 'OPTIONS /%41"#x'))},
        optional={
            "check_host": st.sampled_from(("a.example", "[::1]:80")),
            "check_status": st.sampled_from(("200", "200,204", "200-299,304")),
            "check_text": TEXTS,
        },
    ),
)
BALANCES = st.one_of(
    st.fixed_dictionaries({"balance": st.sampled_from(("static-rr", "source", "first"))}),
    some(
        balance=st.sampled_from(("roundrobin", "leastconn", "random", "random(3)")),
        slowstart=TIMES,
        canary=some(tag=TAGS, share=st.integers(0, 100)),
    ),
)
COMMON = some(
    backup=TAGS,
    check_inter=TIMES,
    check_fall=st.integers(1, 1000),
    server_maxconn=st.integers(1, 1000),
    stick=st.just("source"),
)
GLOBALS = some(
    timeouts=some(**dict.fromkeys((*BACK, *FRONT), TIMES)),
    metrics_uri=st.just("/metrics"),
    ready_uri=st.just("/ready"),
    https_redirect=st.booleans(),
    cookie=st.sampled_from(("", "S")),
    log=st.just("127.0.0.1:514 local0"),
    maxconn=st.integers(1, 1000),
)


def services(number: int) -> st.SearchStrategy[dict[str, Any]]:
    bind = st.just({"bind": f"127.0.0.1:{18090 + number}"})
    clients = some(timeouts=some(**dict.fromkeys((*BACK, *FRONT), TIMES)))
    more = st.one_of(
        some(host=st.just("a.example"), cookie=NAMES, timeouts=some(server=TIMES, tunnel=TIMES)),
        st.tuples(bind, clients).map(lambda parts: parts[0] | parts[1]),
        st.tuples(bind, clients).map(lambda parts: {"mode": "tcp"} | parts[0] | parts[1]),
    )
    tls = some(
        send_proxy=st.sampled_from(("v1", "v2")),
        tls=st.sampled_from(({"verify": "none"}, {"ca": "CA", "sni": "nodes.example"})),
    )
    parts = st.tuples(CHECKS, BALANCES, COMMON, more, tls)
    return parts.map(lambda all_: {k: v for part in all_ for k, v in part.items()})


def endpoint(name: str, **parts: Any) -> Endpoint:
    """No two at one address: the core sees to that."""
    return Endpoint(name=name, port=3000 + ord(name), **parts)


ENDPOINTS = st.lists(
    st.builds(
        endpoint,
        service=st.sampled_from(SERVICES),
        name=st.sampled_from("abcdef"),
        address=st.sampled_from(("10.0.0.1", "2001:db8::1", "localhost")),
        weight=st.sampled_from((0, 1, 100, 256)),
        state=st.sampled_from(("ready", "draining")),
        tags=st.sampled_from(((), (("canary", "1"),), (("spare", "yes"),))),
    ),
    max_size=6,
)


@settings(
    deadline=None,
    max_examples=60,
    phases=[Phase.explicit, Phase.generate],  # shrinking would start thousands
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(variables=GLOBALS, nodes=services(0), api=services(1), endpoints=ENDPOINTS)
def test_haproxy_takes_whatever_goes_together_without_a_warning(
    tmp_path_factory: pytest.TempPathFactory,
    variables: dict[str, Any],
    nodes: dict[str, Any],
    api: dict[str, Any],
    endpoints: list[Endpoint],
) -> None:
    folder = tmp_path_factory.getbasetemp()
    authority = folder / "authority.pem"
    if not authority.exists():
        Authority(folder)
    for service in (nodes, api):
        if "ca" in service.get("tls", {}):
            service["tls"] = {**service["tls"], "ca": str(authority)}
    known = {**QUIET, **variables, "services": {"nodes": nodes, "api": api}}
    made = JinjaRenderer(JinjaSettings(services=SERVICES, state_dir=folder, vars=known))
    text = made.render(Snapshot.of(endpoints)).text
    file = folder / "haproxy.cfg"
    file.write_text(text)
    (folder / "haproxy.state").write_text("1\n")
    done = subprocess.run(["haproxy", "-c", "-f", file], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr + text
    assert "[WARNING]" not in done.stderr, done.stderr + text


@pytest.mark.parametrize("api", [{}, OWN, TCP, {**TCP, "check": "/", "tls": {"verify": "none"}}])
def test_nothing_of_it_could_be_better(tmp_path: Path, api: dict[str, Any]) -> None:
    assert advice(renderer(api, tmp_path), made_up(SERVICES)) == ()


@pytest.mark.parametrize(
    "bind",
    [
        *("127.0.0.1:1", "127.8.0.1:1 ssl crt /x", "[::1]:1", "ipv4@127.0.0.1:1", "localhost:1"),
        *("/run/stats.sock", "unix@/run/stats.sock", "127.0.0.1:1,[::1]:1"),
    ],
)
def test_the_statistics_are_open_to_this_machine(bind: str) -> None:
    assert f"    bind {bind}\n" in renderer({}, stats_bind=bind).render(Snapshot()).text


@pytest.mark.parametrize("bind", ["*:1", ":1", "10.0.0.1:1", "ipv6@:::1", "a.example:1", "fd@3"])
def test_the_statistics_are_open_to_others_if_that_is_said(bind: str) -> None:
    with pytest.raises(SettingsError, match="stats_open = true"):
        renderer({}, stats_bind=bind)
    for said in ({"stats_open": True}, {"stats_password": "hunter2"}):
        assert f"    bind {bind}\n" in renderer({}, stats_bind=bind, **said).render(Snapshot()).text


@pytest.mark.parametrize(
    ("bind", "line"),
    [
        ("127.0.0.1:1", "stats socket ipv4@127.0.0.1:1 level user"),
        ("[::1]:1", "stats socket ipv6@[::1]:1 level user"),
    ],
)
def test_a_cli_over_tcp_only_reads_unless_it_is_said(bind: str, line: str) -> None:
    assert f"    {line}\n" in renderer({}, cli_bind=bind).render(Snapshot()).text
    text = renderer({}, cli_bind=bind, cli_level="admin").render(Snapshot()).text
    assert f"    {line.replace('user', 'admin')}\n" in text
