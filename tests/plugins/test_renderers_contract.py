"""The renderer keeps its contract: with the default template, and with one that shows tags."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.builtin.jinja2.renderer import TEMPLATES
from lbdisc.rendered import Rendered
from lbdisc.testing import RendererSuite, Rendering

VARS = {"http_bind": "127.0.0.1:18080", "stats_bind": "127.0.0.1:18081", "cli_bind": ""}
SERVER = re.compile(r"^\s+server \S+ (\S+):(\d+)", re.MULTILINE)
TAGS = """
frontend tags
    mode http
    bind 127.0.0.1:18082
{% for service in services %}{% for e in service.endpoints %}{% for name, text in e.tags %}
    http-request set-header X-{{ e.name }}-{{ name }} {{ text | replace("%", "%%") | quote }}
{% endfor %}{% endfor %}{% endfor %}
"""


class JinjaRendering(Rendering):
    """The template is a file of the test's own: with ``more`` at its end."""

    name = "jinja2"

    def __init__(self, folder: Path, more: str = "") -> None:
        self._folder = folder
        self._template = folder / "own.j2"
        self._template.write_text((TEMPLATES / "haproxy.cfg.j2").read_text() + more)

    def settings(self) -> dict[str, object]:
        return {
            "services": ["nodes", "api"],
            "state_dir": str(self._folder),
            "jinja2.template": str(self._template),
            "jinja2.vars": VARS,
        }

    def missing(self) -> Path:
        self._template.unlink()
        return self._template

    def broken(self) -> Path:
        self._template.write_text("{% for %}")
        return self._template

    def read(self, rendered: Rendered) -> set[tuple[str, int]]:
        file = self._folder / "haproxy.cfg"
        file.write_text(rendered.text)
        (self._folder / "haproxy.state").write_text("1\n")
        check = subprocess.run(
            ["haproxy", "-c", "-f", file], capture_output=True, text=True, timeout=20, check=False
        )
        assert check.returncode == 0, check.stderr
        found = SERVER.findall(rendered.text)
        return {(address.strip("[]"), int(port)) for address, port in found}


class TestJinjaRenderer(RendererSuite):
    plugin = "jinja2"

    @pytest.fixture
    def rendering(self, tmp_path: Path) -> Iterator[Rendering]:
        with JinjaRendering(tmp_path) as rendering:
            yield rendering


class TestJinjaRendererWithTags(RendererSuite):
    plugin = "jinja2, tags in the text"

    @pytest.fixture
    def rendering(self, tmp_path: Path) -> Iterator[Rendering]:
        with JinjaRendering(tmp_path, TAGS) as rendering:
            yield rendering
