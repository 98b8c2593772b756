"""Certificates that HAProxy reads, and how long they hold."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lbdisc.haproxy.expiring import expiring
from lbdisc.haproxy.parts import Parts
from lbdisc.haproxy.settings import HaproxySettings
from lbdisc_lab.servers.certificates import Authority

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def found(folder: Path, word: str) -> list[tuple[str, str]]:
    """What is found of ``folder/certs``, by a ``bind`` line that reads it as ``word``."""
    config = folder / "haproxy.cfg"
    config.write_text(f"frontend f\n  mode http\n  bind :1 ssl crt {word}\n")
    own = {name: folder / name for name in ("master.sock", "worker.json")}
    settings = HaproxySettings(
        master_socket=str(own["master.sock"]), worker_file=str(own["worker.json"])
    )
    return [(each.word, each.text) for each in expiring(Parts(settings), config, NOW)]


def issue(folder: Path, name: str, **holds: timedelta) -> Path:
    """Its certificate and key in ``folder/certs/NAME.pem``."""
    times = {which: NOW + span for which, span in holds.items()}
    made = Authority(folder / "authority").issue("site", "site", **times)
    path = folder / "certs" / f"{name}.pem"
    path.parent.mkdir(exist_ok=True)
    path.write_text(made.pem)
    return path


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (-1, ("fail", "expired on 2026-11-26 00:00 UTC")),
        (3, ("warn", "expires on 2026-11-30 00:00 UTC")),
        (30, ("ok", "1 certificates hold for more than 7 days")),
    ],
)
def test_one_that_has_ended_fails_and_one_that_soon_does_is_a_warning(
    tmp_path: Path, days: int, expected: tuple[str, str]
) -> None:
    path = issue(tmp_path, "site", begins=timedelta(days=-60), expires=timedelta(days=days))
    [(word, text)] = found(tmp_path, str(path))
    assert (word, expected[1] in text) == (expected[0], True)


def test_each_of_a_folder_counts_and_a_key_beside_one_does_not(tmp_path: Path) -> None:
    for name in ("a", "b"):
        path = issue(tmp_path, name, begins=timedelta(days=-9), expires=timedelta(days=-1))
    path.with_suffix(".pem.key").write_text("the key\n")
    said = found(tmp_path, str(path.parent))
    assert [word for word, _ in said] == ["fail", "fail"]


def test_what_is_not_there_is_said_and_is_no_fault(tmp_path: Path) -> None:
    assert found(tmp_path, "/no/such.pem") == [
        ("ok", "1 certificates are not there, or not ours to read")
    ]
