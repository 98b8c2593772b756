"""Which files a configuration names, in all the ways there are."""

from pathlib import Path

import pytest

from lbdisc.haproxy.beside.beside import FileNames
from lbdisc.haproxy.beside.expansion import Where, expand
from lbdisc.haproxy.language.named_files import NamedFile, named_files
from lbdisc.haproxy.language.text import parse
from lbdisc.haproxy.process.surroundings import Surroundings
from lbdisc.rendered import Rendered


def named(text: str) -> list[tuple[str, str]]:
    return [(str(its.use), its.word) for its in named_files(parse(text))]


@pytest.mark.parametrize(
    ("line", "files"),
    [
        ("bind :443 ssl crt /a.pem crt /b/", [("certificate", "/a.pem"), ("certificate", "/b/")]),
        ("bind :443 ssl crt-list /l", [("crt-list", "/l")]),
        (
            "bind :443 ssl crt a ca-file /ca crl-file /crl tls-ticket-keys /t",
            [("certificate", "a"), ("ca-file", "/ca"), ("crl-file", "/crl"), ("file", "/t")],
        ),
        ("server s 1.2.3.4:1 ssl ca-file @system-ca", []),
        ("server s 1.2.3.4:1 ssl ca-file /ca crt /c", [("ca-file", "/ca"), ("certificate", "/c")]),
        ("use_backend %[req.hdr(host),lower,map_dom(/m,none)]", [("map", "/m")]),
        ("http-request set-header x %[src,map_ip_int( /m )]", [("map", "/m")]),
        ('http-request set-header x "%[path,map_beg(\\"/a b\\",n)]"', [("map", "/a b")]),
        ("http-request set-map(/m) %[src] %[path]", [("map", "/m")]),
        ("http-request add-acl(/l) %[src]", [("acl", "/l")]),
        ("acl a src -f /l -f /k", [("acl", "/l"), ("acl", "/k")]),
        ("acl a path -M -i -f /m", [("map", "/m")]),
        ("http-request deny if { src -f /l } or { path -i -f /k }", [("acl", "/l"), ("acl", "/k")]),
        ("http-request set-header x %[path,map(virt@v)]", []),
        ("http-request set-header x %[path,map(opt@/m)]", [("map", "/m")]),
        ("errorfile 503 /e", [("file", "/e")]),
        ("http-request return status 200 lf-file /p if TRUE", [("file", "/p")]),
        ("http-error status 404 content-type text/plain file /p", [("file", "/p")]),
        ("filter spoe engine x config /s", [("file", "/s")]),
        (
            'http-request deny unless { var(t),jwt_verify("RS256","/k.pem") 1 }',
            [("file", "/k.pem")],
        ),
        ("http-request deny unless { var(t),jwt_verify(alg,secret) 1 }", []),
    ],
)
def test_a_line_of_a_proxy(line: str, files: list[tuple[str, str]]) -> None:
    assert named(f"listen web\n  {line}\n") == files


@pytest.mark.parametrize(
    ("line", "files"),
    [
        ("lua-load /l a b", [("file", "/l")]),
        ("lua-load-per-thread /l", [("file", "/l")]),
        ("lua-prepend-path /p/?.lua", [("lua path", "/p/?.lua")]),
        ("ssl-dh-param-file /d", [("file", "/d")]),
        ("51degrees-data-file /d", [("file", "/d")]),
        ("issuers-chain-path /d", [("file", "/d")]),
        ("server-state-file /s", []),
        ("pidfile /p", []),
    ],
)
def test_a_line_of_the_global_section(line: str, files: list[tuple[str, str]]) -> None:
    assert named(f"global\n  {line}\n") == files


def test_a_store_of_certificates_has_bases_of_its_own() -> None:
    text = 'crt-store web\n  crt-base /c\n  key-base /k\n  load crt "a.crt" key "a.key" alias "a"\n'
    assert named_files(parse(text)) == (
        NamedFile("file", "a.crt", "/c"),
        NamedFile("file", "a.key", "/k"),
    )


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("", "/work/a.map"),
        ("default-path config", "/etc/haproxy/a.map"),
        ("default-path parent", "/etc/a.map"),
        ("default-path origin /o", "/o/a.map"),
    ],
)
def test_relative_words_go_by_the_default_path(line: str, path: str) -> None:
    assert paths(f"global\n  {line}\nlisten l\n  acl a path -f a.map\n") == [path]


@pytest.mark.parametrize(
    ("word", "path"),
    [
        ('"$DIR/a"', "/here/a"),
        ('"${DIR}/a"', "/here/a"),
        ('"${NONE-/else}/a"', "/else/a"),
        ('"${OWN}/a"', "/own/a"),
    ],
)
def test_variables_are_those_of_haproxy(word: str, path: str) -> None:
    assert paths(f"global\n  setenv OWN /own\nlisten l\n  acl a path -f {word}\n") == [path]


def paths(text: str) -> list[str]:
    """Where its files are, for a HAProxy that works in `/work` and has DIR in its environment."""
    around = Surroundings(Path("/work"), {"DIR": "/here"})
    config = Path("/etc/haproxy/haproxy.cfg")
    return [
        str(path)
        for path in FileNames.of(config, Rendered(""), parse(text), lambda: around).on_disk()
    ]


def test_a_certificate_brings_its_companions_and_no_others(tmp_path: Path) -> None:
    for name in ("s.pem", "s.pem.key", "s.pem.ocsp", "s.pem.rsa", "s.pem.rsa.key", "s.pem.bak"):
        (tmp_path / name).touch()
    found = expand([NamedFile("certificate", str(tmp_path / "s.pem"))], Where(tmp_path))
    owners = {path.name: its.owner and its.owner.name for path, its in found.items()}
    assert owners == {
        "s.pem": None,
        "s.pem.key": "s.pem",
        "s.pem.ocsp": "s.pem",
        "s.pem.rsa": None,
        "s.pem.rsa.key": "s.pem.rsa",
    }


def test_a_list_and_a_folder_bring_what_is_in_them(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("a.pem", ".hidden", "b.crt", "b.key"):
        (tmp_path / "folder" / name).touch()
    comment = "# c\x0cn.pem\x85n.pem\rn.pem\n"  # one line to HAProxy
    entries = f"x.pem [alpn h2 ca-file {tmp_path}/ca.pem] a.test !b.test\n{tmp_path}/y.pem\n"
    (tmp_path / "list").write_text(comment + entries)
    files = [NamedFile("crt-list", "list"), NamedFile("certificate", "folder")]
    found = expand(files, Where(tmp_path, "base"))
    names = {str(path.relative_to(tmp_path)) for path in found}
    assert names == {
        *("list", "base/x.pem", "ca.pem", "y.pem"),
        *("folder/a.pem", "folder/b.crt", "folder/b.key"),
    }
    assert found[tmp_path / "folder/b.key"].owner == tmp_path / "folder/b.crt"
