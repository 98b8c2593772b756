"""``lbdisc rollback``: the texts of an earlier generation, given to the agent to run."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lbdisc import atomic, own_files
from lbdisc.errors import LbdiscError
from lbdisc.orders import order
from lbdisc.rendered import Rendered
from lbdisc_history.inspecting import texts_of
from lbdisc_history.reading import JournalFolder


def roll_back(journal: JournalFolder, number: int, state_dir: Path, *, why: str = "") -> str:
    """Have the agent of ``state_dir`` run generation ``number``; what it says.

    Raises ``LbdiscError`` where the generation is not kept, and with the agent's words where it
    does not do it.
    """
    _, entry = journal.generation(number)
    texts = texts_of(journal, entry)
    rendered = Rendered(texts.pop(""), tuple(texts.items()))
    if not rendered.digest.startswith(str(entry["digest"])):
        raise LbdiscError(
            f"what is kept of generation {number} is not what ran: its digest is"
            f" {rendered.digest[:12]}, not {entry['digest']}"
        )
    with _handed_over(number, rendered, state_dir) as file:
        reply = order(state_dir, "pin", what=str(number), why=why, file=file.name)
    if not reply.done:
        raise LbdiscError(reply.text)
    return reply.text


@contextmanager
def _handed_over(number: int, rendered: Rendered, state_dir: Path) -> Iterator[Path]:
    """A file in ``state_dir`` with the texts, for the agent's user alone, until it has them."""
    document = {
        "schema": 1,
        "generation": number,
        "digest": rendered.digest,
        "text": rendered.text,
        "files": dict(rendered.files),
    }
    file = state_dir / f".rollback-{number}.json"
    try:
        atomic.write(file, json.dumps(document), mode=0o600)
        own_files.give_to_owner_of(state_dir, file)
    except OSError as error:
        raise LbdiscError(f"cannot write {file}: {error.strerror or error}") from error
    try:
        yield file
    finally:
        with suppress(OSError):
            file.unlink()
