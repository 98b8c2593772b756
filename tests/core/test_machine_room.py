"""A test that fails where the machine has no room for its files says so."""

import tempfile

import pytest

from support import machine_room


def test_a_file_system_without_room_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_room, "SCARCE", 1)
    assert machine_room.without_room() == ""
    monkeypatch.setattr(tempfile, "tempdir", "/proc")  # where nothing is ever free
    assert machine_room.without_room() == "/proc has 0 MB free"
