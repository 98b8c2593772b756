"""What stands for the texts of templates, and of those that they include, import or extend."""

import re
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import jinja2
from jinja2 import meta

_REFERS = re.compile(r"\{%[-+]?\s*(include|import|from|extends)\b")


def fingerprint(templates: Mapping[str, Path]) -> str:
    """Of ``templates`` by name; one that cannot be read says so when it is rendered."""
    found = sha256()
    for name, path in sorted(templates.items()):
        for part, text in sorted(_texts(path.expanduser().absolute()).items()):
            found.update(f"{name}\0{part}\0{len(text)}\0{text}".encode())
    return found.hexdigest()


def _texts(path: Path) -> dict[str, str]:
    """The main template under ``""``, wherever it lies; the others by the names it gives them."""
    texts: dict[str, str] = {}
    wanted = [("", path)]
    while wanted:
        name, file = wanted.pop()
        with suppress(OSError, UnicodeDecodeError, jinja2.TemplateError):
            texts[name] = file.read_text()
            wanted += [(n, path.parent / n) for n in referenced(texts[name]) if n not in texts]
    return texts


def referenced(text: str) -> list[str]:
    """The names of what a template includes, imports or extends, as far as they are fixed.

    Raises ``TemplateSyntaxError``.
    """
    if not _REFERS.search(text):
        return []  # to parse a long template takes some 10 ms
    found = meta.find_referenced_templates(jinja2.Environment(autoescape=True).parse(text))
    return [name for name in found if name]
