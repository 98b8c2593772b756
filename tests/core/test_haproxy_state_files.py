"""The files that a configuration has its servers' state loaded from."""

from pathlib import Path

import pytest

from lbdisc.haproxy.language.text import parse
from lbdisc.haproxy.state_files import state_files


@pytest.mark.parametrize(
    ("top", "proxy", "path"),
    [
        ("server-state-file /run/s", "load-server-state-from-file global", "/run/s"),
        ("server-state-base /run", "load-server-state-from-file local", "/run/b"),
        (
            "server-state-base /run",
            "load-server-state-from-file local\n server-state-file-name use-backend-name",
            "/run/b",
        ),
        (
            "server-state-base /run",
            "load-server-state-from-file local\n server-state-file-name own",
            "/run/own",
        ),
        ("", "load-server-state-from-file local\n server-state-file-name /x/y", "/x/y"),
        ("server-state-file /run/s", "load-server-state-from-file none", None),
        ("server-state-file /run/s", "", None),
        ("", "load-server-state-from-file local", None),
        ('server-state-base "${DIR}"', "load-server-state-from-file local", None),
    ],
)
def test_a_proxy_loads_from_the_file_that_it_names(top: str, proxy: str, path: str | None) -> None:
    found = state_files(parse(f"global\n {top}\nbackend b\n {proxy}\n server a 10.0.0.1:80\n"))
    assert dict(found) == ({Path(path): {"b"}} if path else {})


def test_each_proxy_has_its_own_way() -> None:
    text = "global\n server-state-file /run/s\n server-state-base /run\n"
    text += "defaults\n load-server-state-from-file global\nbackend a\nbackend b\n"
    text += " load-server-state-from-file local\nbackend c\n"
    found = state_files(parse(text))
    assert dict(found) == {Path("/run/s"): {"a", "c"}, Path("/run/b"): {"b"}}
