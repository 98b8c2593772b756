"""A real Prometheus of the distribution, on loopback, with times short enough for tests."""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from lbdisc.testing.processes import Process, free_port

ROOT = Path(__file__).parents[2]
CONTRIB = ROOT / "contrib" / "prometheus"
RULES = CONTRIB / "lbdisc.rules.yml"
CONSOLES = CONTRIB / "consoles"
CONFIG = """
global: {scrape_interval: %(every)s, scrape_timeout: %(every)s, evaluation_interval: %(every)s}
rule_files: [rules.yml]
scrape_configs:
  - job_name: lbdisc
    static_configs: %(targets)s
"""


def program(name: str) -> str:
    """Where it is; a test fails that needs one that is missing."""
    if (found := shutil.which(name)) is None:
        pytest.fail(f"{name} is missing: make servers installs prometheus")
    return found


class Prometheus(Process):
    """Scrapes ``targets`` (HOST:PORT) with our rules, which wait for a second at most.

    ``named`` ones are told apart by their names. Our console is at ``/consoles/lbdisc.html``.
    """

    def __init__(
        self,
        folder: Path,
        targets: Sequence[str] = (),
        *,
        named: Mapping[str, str] | None = None,
        every: str = "500ms",
    ) -> None:
        folder.mkdir()
        own: list[dict[str, object]] = [{"targets": [*targets]}]
        for name, target in (named or {}).items():
            own.append({"targets": [target], "labels": {"instance": name}})
        values = {"every": every, "targets": json.dumps(own)}
        (folder / "prometheus.yml").write_text(CONFIG % values)
        short = re.sub(r"for: \w+", "for: 1s", RULES.read_text())
        (folder / "rules.yml").write_text(short)
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        command = [program("prometheus"), f"--config.file={folder / 'prometheus.yml'}"]
        command += [f"--storage.tsdb.path={folder / 'data'}", "--log.level=warn"]
        command += [f"--web.listen-address=127.0.0.1:{port}"]
        command += [f"--web.console.{kind}={CONSOLES}" for kind in ("templates", "libraries")]
        super().__init__(command, log=folder / "prometheus.log", ready=self._is_ready)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready").status_code == 200
        except httpx.HTTPError:
            return False

    def _asked(self, path: str, **parameters: str) -> Any:
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=parameters)
        assert answer.json()["status"] == "success", answer.text
        return answer.json()["data"]

    def value(self, expression: str) -> float | None:
        """Of the first series of ``expression``, ``None`` where it has none."""
        found = self._asked("query", query=expression)["result"]
        return float(found[0]["value"][1]) if found else None

    def firing(self) -> set[str]:
        """The names of alerts that fire."""
        alerts = self._asked("alerts")["alerts"]
        return {a["labels"]["alertname"] for a in alerts if a["state"] == "firing"}
