"""What an apply is to bring to life, and the way back."""

from dataclasses import dataclass
from pathlib import Path

from lbdisc import files
from lbdisc.errors import ApplyError
from lbdisc.haproxy.text import Configuration


@dataclass(frozen=True, slots=True)
class Target:
    """A new ``text`` for the file ``config``, and what the file held before."""

    config: Path
    text: str
    model: Configuration
    before: str | None

    def restore(self) -> None:
        """Put the last good file back; without one, a refused first file does not stay either."""
        try:
            if self.before is None:
                self.config.unlink(missing_ok=True)
            else:
                files.write(self.config, self.before)
        except OSError as error:
            what = error.strerror or error
            raise ApplyError(f"cannot bring back {self.config}: {what}") from error
