"""What is installed is what requirements.lock says, with its hashes and licences."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TREE = Path(__file__).parent.parent.parent
LOCK = (TREE / "requirements.lock").read_text(encoding="utf-8")
NAMES = {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", LOCK, re.MULTILINE)}
FREE = re.compile(r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation")


def scripted(*words: str) -> str:
    done = subprocess.run(words, cwd=TREE, capture_output=True, text=True, check=True)
    return done.stdout


def test_every_locked_package_has_hashes() -> None:
    blocks = re.findall(r"^[\w.-]+==.*(?:\n[ \t].*)*", LOCK, re.MULTILINE)
    # A package may be there twice, each for some versions of Python.
    assert {canonicalize_name(block.partition("==")[0]) for block in blocks} == NAMES
    assert all("--hash=sha256:" in block for block in blocks)


@pytest.mark.parametrize("project", [*TREE.glob("pyproject.toml"), *TREE.glob("plugins/*/*.toml")])
def test_what_builds_a_distribution_is_locked(project: Path) -> None:
    requires = tomllib.loads(project.read_text(encoding="utf-8"))["build-system"]["requires"]
    assert {canonicalize_name(Requirement(each).name) for each in requires} <= NAMES


def test_what_has_no_wheel_is_built_by_what_is_locked() -> None:
    apart = [scripted("sh", "scripts/lock-part.sh", part) for part in ("wheels", "sources")]
    built = set(re.findall(r"^([\w.-]+)==", apart[1], re.MULTILINE))
    assert built == set((TREE / "scripts/unbuilt").read_text(encoding="utf-8").split())
    assert sorted("".join(apart).splitlines()) == sorted(LOCK.splitlines())
    assert "setuptools" in NAMES


def test_bill_of_materials_has_every_package_with_its_hashes(tmp_path: Path) -> None:
    import json

    from cyclonedx.model.bom import Bom

    file = tmp_path / "lock.cdx.json"
    scripted(sys.executable, "scripts/sbom.py", "lock", str(file))
    bom = Bom.from_json(json.loads(file.read_text(encoding="utf-8")))  # type: ignore[attr-defined]
    listed = {component.name for component in bom.components}
    assert {"etcd3", "kazoo", "pluggy", "jinja2", "typer"} <= listed <= NAMES
    assert all(component.hashes and component.purl for component in bom.components)


def test_licences_are_those_of_the_lock(tmp_path: Path) -> None:
    docs = (TREE / "docs/licences.md").read_text(encoding="utf-8")
    file = tmp_path / "licences.md"
    file.write_text(docs, encoding="utf-8")
    scripted(sys.executable, "scripts/sbom.py", "licences", str(file))
    assert file.read_text(encoding="utf-8") == docs, "run: make sbom"


def test_what_is_shipped_is_under_free_licences() -> None:
    docs = (TREE / "docs/licences.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\S+) \| \S+ \| (.+?) \| (.+?) \|$", docs, re.MULTILINE)
    shipped = {name: licence for name, licence, of in rows if of.startswith("lbdisc")}
    assert len(shipped) > 20
    assert [name for name, licence in shipped.items() if not FREE.search(licence)] == []


def test_base_image_is_named_by_its_digest() -> None:
    image, digest = (TREE / "images/base.digest").read_text(encoding="utf-8").split()
    assert image == "debian:trixie-slim"
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", digest)
