"""Which texts the agents of a state folder have written, and which of others they may replace.

A file that holds anything else is somebody else's: one from a package, a backup or an editor. The
digests are in the state folder, so that who has lost what was served before does not take the file
for known either.
"""

import json
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from lbdisc import atomic, own_files
from lbdisc.errors import LbdiscError
from lbdisc.losses import Place

REMEMBERED = 64  # texts; a file may be some behind what runs
SLACK = 1000  # lines that are not worth writing all anew


def digest_of(text: str) -> str:
    """What stands for ``text``, byte by byte."""
    return sha256(atomic.encoded(text)).hexdigest()


@dataclass(frozen=True, slots=True)
class Accepted:
    """An operator has given the text of this digest away, and the servers at ``accepted`` in it."""

    digest: str
    accepted: frozenset[Place]


class Handwriting:
    """The file ``written.jsonl`` in ``folder``: a line for each text, of which the last count."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "written.jsonl"
        self._written: deque[str] = deque(maxlen=REMEMBERED)
        self._adopted: Accepted | None = None
        self._lines = 0
        self.read()

    def read(self) -> None:
        """Read what others have added; of a file that is not as it should be, what can be read."""
        self._lines = 0
        with suppress(OSError):
            for line in own_files.read(self.file).decode(errors="replace").splitlines():
                self._lines += 1
                with suppress(ValueError, TypeError, KeyError, AttributeError):
                    self._take(json.loads(line))

    def _take(self, found: dict[str, Any]) -> None:
        if "adopted" in found:
            places = frozenset((str(proxy), str(address)) for proxy, address in found["accepted"])
            self._adopted = Accepted(str(found["adopted"]), places)
        else:
            self._remember(str(found["written"]))

    def _remember(self, digest: str) -> None:
        if digest in self._written:
            self._written.remove(digest)
        self._written.append(digest)

    def wrote(self, text: str) -> bool:
        """Whether an agent of this folder wrote ``text``."""
        return digest_of(text) in self._written

    def accepted(self, text: str) -> frozenset[Place] | None:
        """The servers of ``text`` that may go, ``None`` where nobody has given it away."""
        adopted = self._adopted
        return adopted.accepted if adopted and adopted.digest == digest_of(text) else None

    def will_write(self, text: str) -> None:
        """Note ``text`` before it is written. Raises ``OSError``; it counts all the same."""
        digest = digest_of(text)
        if self._written and self._written[-1] == digest:
            return
        self._remember(digest)
        self._append({"written": digest})

    def adopt(self, text: str, accepted: frozenset[Place]) -> None:
        """Note that the servers at ``accepted`` may go with ``text``. Raises ``LbdiscError``."""
        self._adopted = Accepted(digest_of(text), accepted)
        try:
            self._append(_line_of(self._adopted))
            # The operator may be root where the agent is not.
            own_files.give_to_owner_of(self.file.parent, self.file)
        except OSError as error:
            raise LbdiscError(f"cannot write {self.file}: {error.strerror or error}") from error

    def adoption_is_used(self) -> None:
        """What was given away was taken: the same text counts again when it comes back."""
        if self._adopted is not None:
            self._adopted = None
            with suppress(OSError):  # then the next file of this text is adopted, too
                self._append({"adopted": "", "accepted": []})

    def _append(self, line: dict[str, object]) -> None:
        if self._lines > REMEMBERED + SLACK:
            lines: list[dict[str, object]] = [{"written": each} for each in self._written]
            if self._adopted is not None:
                lines.append(_line_of(self._adopted))
            text = "".join(json.dumps(each) + "\n" for each in lines)
            atomic.write(self.file, text, mode=own_files.READABLE)
            self._lines = len(lines)
            return
        # Not synced: who loses it with the machine's power takes its own file for another's, once.
        own_files.append(self.file, json.dumps(line) + "\n")
        self._lines += 1


def _line_of(adopted: Accepted) -> dict[str, object]:
    return {"adopted": adopted.digest, "accepted": sorted(adopted.accepted)}
