"""Says what lbdisc is made of: a CycloneDX file of the lock or of an image, or a table of licences.

``python scripts/sbom.py lock FILE``: every package of requirements.lock, with its hashes.
``python scripts/sbom.py image NAME FILE``: every package of Debian and of Python in an image.
``python scripts/sbom.py licences FILE``: a table, as it stands in docs/licences.md.

Licences are what the packages say of themselves, in their metadata or in Debian's copyright file.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, metadata
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from locked import LOCK, blocks, needed
from packageurl import PackageURL
from packaging.utils import canonicalize_name

TREE = Path(__file__).parent.parent
OURS = ("lbdisc", "lbdisc-etcd", "lbdisc-serf", "lbdisc-zookeeper[sasl]", "lbdisc-lab")
UNKNOWN = "not said"
_MOST = 60  # signs of a licence's name; some packages put its whole text there


@dataclass(frozen=True, order=True)
class Package:
    """``kind`` is that of a package URL: ``pypi`` or ``deb``; ``licences`` are as it names them."""

    name: str
    version: str
    kind: str = "pypi"
    architecture: str = ""
    licences: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()

    def component(self) -> Component:
        qualifiers = {"arch": self.architecture} if self.architecture else {}
        namespace = "debian" if self.kind == "deb" else None
        url = PackageURL(self.kind, namespace, self.name, self.version, qualifiers)
        return Component(
            type=ComponentType.LIBRARY,
            name=self.name,
            version=self.version,
            purl=url,
            bom_ref=url.to_string(),
            licenses=[DisjunctiveLicense(name=licence) for licence in self.licences],
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in self.hashes],
        )


def licence_of(name: str) -> str:
    """What the installed package ``name`` says; raises ``PackageNotFoundError`` if it is not."""
    said = metadata(name)
    classified = [
        each.rpartition(" :: ")[2]
        for each in said.get_all("Classifier") or ()
        if each.startswith("License ::")
    ]
    told = said.get("License-Expression") or " and ".join(classified) or said.get("License") or ""
    first = (told.strip().splitlines() or [UNKNOWN])[0]
    return first if len(first) <= _MOST else UNKNOWN


def locked() -> list[Package]:
    """All of requirements.lock that this platform installs."""
    found = []
    for name, block in blocks(LOCK.read_text(encoding="utf-8")).items():
        try:
            licence = licence_of(name)
        except PackageNotFoundError:  # for another platform
            continue
        version = block.partition("==")[2].split()[0]
        hashes = tuple(re.findall(r"sha256:([0-9a-f]{64})", block))
        found.append(Package(name, version, licences=(licence,), hashes=hashes))
    return sorted(found)


def in_image(name: str) -> list[Package]:
    """All that is installed in the image ``name``."""
    command = ["docker", "run", "--rm", "-i", "--network", "none", "--user", "0"]
    command += ["--entrypoint", "sh", name, "-s"]
    script = (TREE / "scripts/installed.sh").read_text(encoding="utf-8")
    told = subprocess.run(command, input=script, stdout=subprocess.PIPE, text=True, check=True)
    found = []
    for line in told.stdout.splitlines():
        kind, package, version, architecture, said = line.split("\t")
        licences = tuple(sorted({each.strip() for each in said.split(";")} - {""}))
        found.append(Package(package, version, kind, architecture, licences))
    return sorted(found)


def write_bom(packages: Iterable[Package], file: Path, *, of: str) -> None:
    """A CycloneDX 1.6 file that has no address and no time: the same for the same packages."""
    root, parts = Component(type=ComponentType.APPLICATION, name=of), list(packages)
    bom = Bom(components=[package.component() for package in parts])
    bom.metadata.component = root
    bom.register_dependency(root, bom.components)
    told = json.loads(JsonV1Dot6(bom).output_as_string())
    told.pop("serialNumber", None)
    told["metadata"].pop("timestamp", None)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def users() -> Mapping[str, str]:
    """Which distribution of this tree brings a package; those of nobody are for development."""
    found: dict[str, str] = {}
    for ours in OURS:
        for name in needed(ours):
            found.setdefault(name, ours)
    return found


def licences_table() -> str:
    of = users()
    lines = ["| package | version | licence | comes with |", "|---|---|---|---|"]
    for package in locked():
        comes = of.get(canonicalize_name(package.name), "development")
        version, licence = package.version, package.licences[0]
        lines.append(f"| {package.name} | {version} | {licence} | {comes} |")
    return "\n".join(lines) + "\n"


def write_table(file: Path) -> None:
    """Replace the table in ``file``, which has one."""
    text = file.read_text(encoding="utf-8")
    kept = re.sub(r"^\|.*\n(?:\|.*\n)*", "\n", text, count=1, flags=re.MULTILINE)
    before, _, after = kept.partition("\n\n\n")
    text = f"{before}\n\n{licences_table()}\n{after.strip()}\n"
    file.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    what = parser.add_subparsers(dest="what", required=True)
    what.add_parser("lock").add_argument("file", type=Path)
    image = what.add_parser("image")
    image.add_argument("name")
    image.add_argument("file", type=Path)
    what.add_parser("licences").add_argument("file", type=Path)
    given = parser.parse_args()
    if given.what == "lock":
        write_bom(locked(), given.file, of=f"lbdisc {distribution('lbdisc').version}")
    elif given.what == "image":
        write_bom(in_image(given.name), given.file, of=given.name)
    else:
        write_table(given.file)
    sys.stdout.write(f"sbom: {given.file}\n")


if __name__ == "__main__":
    main()
