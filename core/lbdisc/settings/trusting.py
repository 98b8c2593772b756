"""Which files that the settings name are to be nobody else's to write."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lbdisc.trust import refuse_untrusted

MARK = "trusted"  # in a field's metadata: its files decide what is served, or what is run


def trusted_in(layers: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The setting ``trusted`` in the first of ``layers`` that has it."""
    found = next((layer["trusted"] for layer in layers if "trusted" in layer), ())
    return (found,) if isinstance(found, str) else tuple(map(str, found))


def refuse_untrusted_files(name: str, table: Any, trusted: Sequence[str]) -> None:
    """Raises ``SettingsError`` for a file of the table that others may write or replace.

    These are those of keys and certificates (``…_file``), and whatever a field marks with ``MARK``.
    What is there by default came with lbdisc.
    """
    for field in dataclasses.fields(table):
        if not (field.name.endswith("_file") or field.metadata.get(MARK)):
            continue
        value = getattr(table, field.name)
        if value == field.default:
            continue
        for path in value.values() if isinstance(value, Mapping) else (value,):
            if isinstance(path, Path):
                refuse_untrusted(path, f"{name}.{field.name}", trusted=trusted)
