"""A secret in a file, as it was with the settings and as it is now."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from lbdisc.secret_files import FileSecret, current


def test_a_changed_file_is_read_again_and_the_settings_stay(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old\n")
    secret = FileSecret(path)
    path.write_text("new\n")
    assert (secret.get_secret_value(), current(secret)) == ("old", "new")


@pytest.mark.parametrize("now", [b"", b"\xff", None])
def test_a_file_that_says_nothing_leaves_the_secret_as_it_was(
    tmp_path: Path, now: bytes | None
) -> None:
    path = tmp_path / "secret"
    path.write_text("old\n")
    secret = FileSecret(path)
    path.unlink() if now is None else path.write_bytes(now)
    assert current(secret) == "old"


def test_a_secret_in_no_file_is_what_it_is() -> None:
    assert current(SecretStr("hush")) == "hush"
