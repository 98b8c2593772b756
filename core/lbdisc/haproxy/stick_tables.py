"""Stick tables that a reload empties (manual 4.2, "stick-table", "stick on"; measured on 2.6).

The worker before hands on those with ``peers`` alone. Tables in a ``peers`` section have them by
themselves.
"""

from lbdisc.haproxy.language.text import PROXIES, Configuration, Section


def lost_tables(model: Configuration) -> list[Section]:
    """The proxies whose table is empty after each reload."""
    return [section for section in model.sections if _is_lost(section)]


def forgets_users(model: Configuration) -> bool:
    """Whether a reload sends users who stick to a server to another one."""
    lost = {section.name for section in lost_tables(model)}
    return bool(lost) and any(
        _table_of(line.words, section.name) in lost
        for section in model.proxies.values()
        for line in section.every("stick")
    )


def _is_lost(section: Section) -> bool:
    table = section.last("stick-table") if section.kind in PROXIES else None
    return table is not None and "peers" not in table.words


def _table_of(words: tuple[str, ...], proxy: str) -> str:
    """The table of a rule ``stick on|match|store-… PATTERN [table NAME]``."""
    return words[words.index("table") + 1] if "table" in words[:-1] else proxy
