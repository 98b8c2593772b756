"""Generations as they were: shown, compared, exported, and rendered with another template."""

import json
import stat
from pathlib import Path

import pytest

from lbdisc import Endpoint, Snapshot
from lbdisc.builtin.jinja2.renderer import JinjaRenderer, JinjaSettings
from lbdisc.errors import LbdiscError
from lbdisc.rendered import Rendered
from lbdisc_history import inspecting
from lbdisc_history.exporting import export, recorded
from lbdisc_history.replaying import replay
from support.histories import Told, node

Captured = pytest.CaptureFixture[str]
TEMPLATE = """{% for s in services %}{% for e in s.endpoints -%}
server {{ e.name }} {{ e.host_port }} weight {{ e.weight }}
{% endfor %}{% endfor %}"""


def renderer(folder: Path, template: str) -> JinjaRenderer:
    path = folder / "own.j2"
    path.write_text(template)
    return JinjaRenderer(JinjaSettings(template=path, services=("nodes",), state_dir=folder))


class Recorded(Told):
    """Generations with the texts that a template gives."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "history")
        self.renderer = renderer(folder, TEMPLATE)

    def bring(self, *endpoints: Endpoint) -> None:
        rendered = self.renderer.render(Snapshot.of(endpoints))
        self.serve(*endpoints, rendered=rendered, digest=rendered.digest[:12])


@pytest.fixture
def made(tmp_path: Path) -> Recorded:
    """Four generations: two nodes, a third, one of them lighter, and one less."""
    told = Recorded(tmp_path)
    told.bring(node(1), node(2))
    told.bring(node(1), node(2), node(3))
    told.bring(node(1), node(2, weight=5), node(3))
    told.bring(node(1), node(2, weight=5))
    return told


def test_show_tells_why_it_came_and_all_that_it_served(made: Recorded, capsys: Captured) -> None:
    inspecting.show(made.close(), 3, files=True, as_json=False)
    found = capsys.readouterr().out
    assert found.startswith("generation 3, ")
    assert "nodes/web-2: weight 100 -> 5 (etcd 8003); applied at run time in 4.0 ms" in found
    assert "3 endpoints\n" in found
    assert "  nodes/web-2@10.0.0.2:3000 weight 5\n" in found
    assert "--- (main file)\nserver web-1 10.0.0.1:3000 weight 100\n" in found


def test_show_in_json(made: Recorded, capsys: Captured) -> None:
    inspecting.show(made.close(), 2, files=False, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert (found["schema"], found["generation"], len(found["endpoints"])) == (1, 2, 3)
    assert found["entry"]["event"] == "running"


def test_diff_has_endpoints_and_lines(made: Recorded, capsys: Captured) -> None:
    inspecting.diff(made.close(), 1, 3, as_json=False)
    found = capsys.readouterr().out.splitlines()
    assert found[:2] == [
        "+ nodes/web-3@10.0.0.3:3000",
        "~ nodes/web-2: weight 100 -> 5",
    ]
    assert "-server web-2 10.0.0.2:3000 weight 100" in found
    assert "+server web-3 10.0.0.3:3000 weight 100" in found


def test_diff_in_json(made: Recorded, capsys: Captured) -> None:
    inspecting.diff(made.close(), 4, 4, as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "schema": 1,
        "before": 4,
        "after": 4,
        "endpoints": [],
        "files": {},
    }


def test_secrets_in_texts_are_masked(tmp_path: Path, capsys: Captured) -> None:
    told = Told(tmp_path / "history")
    told.serve(node(1), text="stats auth ana:hunter2\n")
    told.serve(node(1), node(2), text="stats auth ana:hunter3\n")
    journal = told.close()
    inspecting.show(journal, 1, files=True, as_json=True)
    inspecting.show(journal, 1, files=True, as_json=False)
    inspecting.diff(journal, 1, 2, as_json=False)
    found = capsys.readouterr().out
    assert "hunter" not in found
    assert "stats auth ********" in found


def test_a_text_that_is_damaged_is_named(made: Recorded) -> None:
    journal = made.close()
    digest = journal.generation(2)[1]["texts"][""]
    (journal.folder / "texts" / digest).write_bytes(b"x")
    with pytest.raises(LbdiscError, match=f"cannot read the text .*{digest}"):
        inspecting.texts_of(journal, journal.generation(2)[1])


def test_the_same_template_gives_the_same_bytes(made: Recorded, capsys: Captured) -> None:
    assert replay(recorded(made.folder), made.renderer, as_json=False)
    assert capsys.readouterr().out == "4 generations: 4 the same, 0 differ\n"


def test_another_template_is_told_with_line_and_byte(made: Recorded, capsys: Captured) -> None:
    lighter = "{{ 'maxconn 9 ' if e.weight < 9 }}weight {{"
    other = renderer(made.folder.parent, TEMPLATE.replace("weight {{", lighter))
    assert not replay(recorded(made.folder), other, as_json=False)
    found = capsys.readouterr().out
    assert "generation 3, " in found
    assert "(main file), line 2, byte 65:" in found
    assert "  was server web-2 10.0.0.2:3000 weight 5\n" in found
    assert "  now server web-2 10.0.0.2:3000 maxconn 9 weight 5\n" in found
    assert found.endswith("4 generations: 2 the same, 2 differ\n")


def test_a_template_that_fails_is_told_of_each_generation(made: Recorded, capsys: Captured) -> None:
    broken = renderer(made.folder.parent, "{{ nobody.knows }}")
    assert not replay(recorded(made.folder), broken, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert (found["schema"], found["same"], found["differ"]) == (1, 0, 4)
    assert "cannot be rendered" in found["differences"][0]["error"]


def test_an_exported_file_is_replayed_as_the_journal(made: Recorded, capsys: Captured) -> None:
    file = made.folder.parent / "incident.ndjson"
    assert export(made.close(), file) == 9
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert replay(recorded(file), made.renderer, as_json=False)
    assert "4 generations: 4 the same" in capsys.readouterr().out


def test_a_part_is_exported_so_that_it_can_be_replayed(tmp_path: Path, capsys: Captured) -> None:
    told = Recorded(tmp_path)
    for number in range(1, 5):
        told.bring(node(number))
        assert told.recorder._journal is not None
        told.recorder._journal.rotate()
    file = tmp_path / "part.ndjson"
    journal = told.close()
    since = journal.generation(3)[1]["unix_s"]
    export(journal, file, since=since)
    assert replay(recorded(file), told.renderer, as_json=False)
    assert "2 generations: 2 the same" in capsys.readouterr().out


def test_no_file_is_written_over(made: Recorded) -> None:
    file = made.folder.parent / "there"
    file.write_text("mine")
    with pytest.raises(LbdiscError, match="there is there already: give another name"):
        export(made.close(), file)
    assert file.read_text() == "mine"


def test_what_is_no_history_says_what_would_be(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text("{}\n")
    with pytest.raises(LbdiscError, match="is no history: give what lbdisc history --export wrote"):
        recorded(file)
    with pytest.raises(LbdiscError, match="No such file"):
        recorded(tmp_path / "nothing")
    with pytest.raises(LbdiscError, match="there is no history in"):
        recorded(tmp_path)


def test_further_files_are_compared_as_well(tmp_path: Path, capsys: Captured) -> None:
    told = Recorded(tmp_path)
    told.serve(node(1), rendered=Rendered("x", {"hosts.map": "a b\n"}))  # type: ignore[arg-type]
    assert not replay(recorded(told.folder), told.renderer, as_json=False)
    assert "hosts.map is not rendered any more" in capsys.readouterr().out
