"""The command that measures a figure again."""

from collections.abc import Iterable

from lbdisc_compare.records import RunHeader


def command(header: RunHeader | None, measure: str, ways: Iterable[str]) -> str:
    """``lbdisc compare`` with the run's own scale, nodes and seed, into a folder ``again``."""
    words = ["lbdisc compare", f"--only {measure}", f"--ways {','.join(dict.fromkeys(ways))}"]
    if header is not None:
        words += ["--quick"] if header.scale == "quick" else []
        words += [f"--nodes {header.nodes}"] if header.nodes != 10 else []
        words += [f"--seed {header.seed}"] if header.seed != 1 else []
    return " ".join([*words, "--out again"])
