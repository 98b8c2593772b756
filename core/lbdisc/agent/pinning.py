"""The texts of an earlier generation, brought to life by an operator's order."""

from collections.abc import Sequence
from pathlib import Path

from lbdisc.abilities import TakesOver
from lbdisc.agent.standing_in import served_in
from lbdisc.errors import LbdiscError
from lbdisc.hooks import Reloader
from lbdisc.rendered import Rendered
from lbdisc.state.steered import texts_in
from lbdisc.values import Endpoint, Snapshot


def to_pin(folder: Path, file: str) -> tuple[int, Rendered]:
    """The generation and its texts in ``file``, which is in the state folder ``folder``.

    Raises ``LbdiscError``.
    """
    path = (folder / file) if file else folder
    if path.parent.resolve() != folder.resolve() or path.name in ("", ".", ".."):
        raise LbdiscError(f"what is to be pinned is a file in state_dir {folder}")
    return texts_in(path)


def served_by(rendered: Rendered, known: Sequence[Snapshot], reloader: Reloader) -> Snapshot:
    """Those of all that are ``known`` whose address has a server in ``rendered``."""
    if not isinstance(reloader, TakesOver):
        return Snapshot()
    endpoints: dict[tuple[str, str], Endpoint] = {}
    for snapshot in known:
        endpoints |= {endpoint.key: endpoint for endpoint in snapshot.endpoints}
    return served_in(Snapshot.of(endpoints.values()), reloader.servers(rendered.text))
