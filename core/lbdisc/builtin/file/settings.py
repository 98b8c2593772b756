"""``[file]``: the folder of nodes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from lbdisc.fields import NotEmpty, Seconds, described


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSettings:
    """Where the files are, what they leave out, and how long a registrar's file lives."""

    dir: Path = described("the folder of nodes", Path("/nodes"))
    service: NotEmpty = described("the service of the files directly in the folder", "nodes")
    port: Annotated[int, Field(ge=1, le=65535)] = described(
        "the port of a node whose file names none", 3000
    )
    ttl: Seconds = described("how long a registrar's file outlives it, in seconds", 10.0)
    rescan: Seconds = described(
        "how often everything is looked at again, in seconds; the kernel tells of changes before",
        5.0,
    )
