"""Which ports are allowed: an allowed host has others than its web app, as 22 or 2375."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from lbdisc.settings.ports import port_range


@dataclass(frozen=True, slots=True)
class PortRules:
    """Those of one service; ``key`` is the setting that they are."""

    key: str
    ranges: tuple[range, ...]

    @classmethod
    def of(cls, key: str, texts: Sequence[str]) -> Self:
        """Raises ``SettingsError``."""
        return cls(key, tuple(map(port_range, texts)))

    def why(self, port: int) -> str:
        """Why nobody is served at ``port``, ``""`` if somebody may be."""
        if any(port in each for each in self.ranges):
            return ""
        return f"port {port} is none of {self.key}"
