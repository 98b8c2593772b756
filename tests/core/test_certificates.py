"""Certificates in files: tried, read again when they are renewed, kept while they are not whole."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from lbdisc.certificates import CertificateFiles
from lbdisc.errors import SettingsError
from lbdisc.validity import flaw
from lbdisc_lab.servers.certificates import Authority, Certificate

BROKEN = "certificates cannot be used, those read before are"
AGAIN = "certificates read again"


class Shelf:
    """The files of one program, each replaced as operators do it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder / "made")
        self.ca, self.cert, self.key = (folder / name for name in ("ca.pem", "c.pem", "c.key"))
        self.renew()
        self.files = CertificateFiles(
            "etcd", ca_file=self.ca, cert_file=self.cert, key_file=self.key
        )

    def issue(self, name: str = "client") -> Certificate:
        return self.authority.issue(name, "client")

    def renew(self) -> Certificate:
        made = self.issue()
        self.replace(self.ca, self.authority.cert.read_bytes())
        self.replace(self.cert, made.cert.read_bytes())
        self.replace(self.key, made.key.read_bytes())
        return made

    def replace(self, file: Path, text: bytes) -> None:
        new = file.with_suffix(".new")
        new.write_bytes(text)
        new.replace(file)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_replaced_files_are_read_again(shelf: Shelf) -> None:
    before = shelf.files.current()
    assert shelf.files.current() is before
    made = shelf.renew()
    with capture_logs() as logs:
        assert shelf.files.current().cert == made.cert.read_bytes()
    assert [line["event"] for line in logs] == [AGAIN]


def test_a_folder_swapped_by_its_link_is_read_again(tmp_path: Path) -> None:
    """As Kubernetes renews what it mounts: files lead through ``..data`` to a dated folder."""
    shelf = Shelf(tmp_path)
    for name in ("..one", "..two"):
        made = shelf.issue(name.strip("."))
        (tmp_path / name).mkdir()
        (tmp_path / name / "tls.crt").write_bytes(made.cert.read_bytes())
        (tmp_path / name / "tls.key").write_bytes(made.key.read_bytes())
    (tmp_path / "..data").symlink_to("..one")
    crt, key = tmp_path / "..data" / "tls.crt", tmp_path / "..data" / "tls.key"
    files = CertificateFiles("etcd", cert_file=crt, key_file=key)
    before = files.current()
    (tmp_path / "..data_tmp").symlink_to("..two")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    assert files.current().cert == (tmp_path / "..two" / "tls.crt").read_bytes() != before.cert


def test_half_a_pair_is_told_once_and_waits_for_the_other_half(shelf: Shelf) -> None:
    before, made = shelf.files.current(), shelf.issue("next")
    shelf.replace(shelf.key, made.key.read_bytes())
    with capture_logs() as logs:
        assert [shelf.files.current() for _ in range(3)] == [before] * 3
        shelf.replace(shelf.cert, made.cert.read_bytes())
        assert shelf.files.current().cert == made.cert.read_bytes()
    assert [line["event"] for line in logs] == [BROKEN, AGAIN]
    assert (
        logs[0]["why"] == f"etcd.key_file {shelf.key}: not the key of etcd.cert_file {shelf.cert}"
    )


@pytest.mark.parametrize("setting", ["ca", "cert", "key"])
@pytest.mark.parametrize("text", [b"", b"no PEM", None], ids=["empty", "broken", "gone"])
def test_a_broken_replacement_leaves_what_was_good(
    shelf: Shelf, setting: str, text: bytes | None
) -> None:
    before, file = shelf.files.current(), getattr(shelf, setting)
    file.unlink() if text is None else shelf.replace(file, text)
    with capture_logs() as logs:
        assert shelf.files.current() == shelf.files.current() == before
    assert [line["why"].split()[0] for line in logs] == [f"etcd.{setting}_file"]


def test_what_was_never_good_is_an_error(shelf: Shelf) -> None:
    shelf.key.unlink()
    with pytest.raises(SettingsError, match=r"etcd\.key_file .*: cannot read: No such file"):
        shelf.files.current()


def test_an_expired_certificate_is_told_of_when_it_is_read(shelf: Shelf) -> None:
    yesterday = datetime.now() - timedelta(days=1)
    old = shelf.authority.issue("old", "client", expires=yesterday)
    files = CertificateFiles("etcd", cert_file=old.cert, key_file=old.key)
    with capture_logs() as logs:
        files.current()
        files.current()
    [line] = logs
    assert line["why"].startswith(f"etcd.cert_file {old.cert}: expired on ")


def test_a_certificate_holds_between_its_times(tmp_path: Path) -> None:
    begins, ends = datetime(2030, 1, 2), datetime(2051, 3, 4, 5, 6)
    pem = Authority(tmp_path).issue("a", "a", begins=begins, expires=ends).cert.read_bytes()
    assert flaw(pem, datetime(2029, 1, 1, tzinfo=UTC)) == "not valid before 2030-01-02 00:00 UTC"
    assert flaw(pem, datetime(2040, 1, 1, tzinfo=UTC)) == ""
    assert flaw(pem, datetime(2052, 1, 1, tzinfo=UTC)) == "expired on 2051-03-04 05:06 UTC"


@pytest.mark.parametrize("text", [b"", b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"])
def test_what_is_no_certificate_has_no_time(text: bytes) -> None:
    assert flaw(text) == ""
