"""The lines of a configuration that matter here, as values."""

from dataclasses import dataclass, field

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line with something on it. ``raw`` is set where variables make the words uncertain.

    ``below`` is how far below its section's first line it stands. Equal lines mean the same to
    HAProxy wherever they stand: place, blanks and comment do not count.
    """

    words: Words
    raw: str = ""
    below: int = field(default=0, compare=False)

    @property
    def text(self) -> str:
        return " ".join(self.words)


@dataclass(frozen=True, slots=True)
class ServerLine:
    """A ``server`` line and the ``default-server`` lines in force there, eldest first.

    ``address`` is the word as written, ``options`` what follows it. Equal lines make equal servers.
    """

    proxy: str
    name: str
    address: str
    options: Words
    defaults: tuple[Line, ...]
    raw: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.proxy, self.name

    def __str__(self) -> str:
        return f"{self.proxy}/{self.name}"


@dataclass(frozen=True, slots=True)
class StatsSocket:
    """One address of a ``stats socket`` of the global section.

    ``mode`` is empty for the process' umask, ``closed`` says why it cannot be dialled, ``""`` if it
    can be.
    """

    address: str
    level: str
    mode: str
    number: int
    closed: str = ""


@dataclass(frozen=True, slots=True)
class Bind:
    """One address that HAProxy listens on, as written; ``number`` is that of its line."""

    address: str
    section: str
    number: int
