"""Promises on renderers."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from lbdisc.errors import RenderError, SettingsError
from lbdisc.rendered import Rendered
from lbdisc.testing.rendering import Rendering
from lbdisc.testing.subject import Suite
from lbdisc.values import Endpoint, Snapshot

HOSTILE_TEXTS: tuple[str, ...] = (
    "two words",
    "quote' other\" back`",
    "backslash \\ and \\n",
    "# a comment",
    "; server evil 10.6.6.6:80 ; }",
    "${HOME} $HOME %[env(HOME)]",
    "{{ 7 * 1911 }} {% raw %} {# #}",
    "%[path] %{+Q}o",
    "</script>&amp;",
    "ümläut 名前",
    "x" * 1024,
)
"""Values of tags that mean something in one language or another."""
COMPUTED = "13377"  # what an expression in one of them comes to


class RendererSuite(Suite):
    """One snapshot has one text, and whatever stands in a registry stays a value."""

    @pytest.fixture
    def rendering(self) -> Iterator[Rendering]:
        """A renderer, for one test."""
        raise NotImplementedError(f"{type(self).__name__}: override the fixture 'rendering'")

    def test_one_snapshot_has_one_text(self, rendering: Rendering) -> None:
        """One snapshot is the same text always, from a renderer that is made anew as well."""
        renderer, snapshot = rendering.renderer(), Snapshot.of(_nodes(3))
        first = renderer.render(snapshot)
        assert renderer.render(snapshot) == first
        assert rendering.renderer().render(Snapshot.of(_nodes(3))) == first

    def test_order_leaves_no_trace(self, rendering: Rendering) -> None:
        """The order in which endpoints came, and what was rendered before, leave no trace."""
        renderer, there = rendering.renderer(), _nodes(4)
        for count in (4, 1, 0, 3):
            renderer.render(Snapshot.of(reversed(there[:count])))
        renderer.render(Snapshot.of(e.drain() for e in there))
        again = renderer.render(Snapshot.of(reversed(there)))
        assert again == rendering.renderer().render(Snapshot.of(there))

    def test_nobody_there_is_a_configuration(self, rendering: Rendering) -> None:
        """An empty snapshot is a configuration without servers, and none that is refused."""
        rendered = rendering.renderer().render(Snapshot())
        rendering.needs("read")
        assert rendering.read(rendered) == set()

    def test_each_endpoint_is_a_server(self, rendering: Rendering) -> None:
        """Each endpoint is a server at its address and port, whatever its family and state."""
        rendering.needs("read")
        there = [
            *_nodes(2),
            _node("v6", address="2001:db8::7"),
            _node("a.b-c_d"),
            _node("n" * 255),
            _node("s1", service="api", port=4000),
            _node("idle", weight=0),
            _node("busy", weight=256).drain(),
        ]
        rendered = rendering.renderer().render(Snapshot.of(there))
        assert rendering.read(rendered) == {(e.address, e.port) for e in there}

    def test_hostile_values_stay_values(self, rendering: Rendering) -> None:
        """Whatever a tag holds is a value and nothing else, or a RenderError; others are served."""
        rendering.needs("read")
        renderer, good = rendering.renderer(), _nodes(2)
        for text in HOSTILE_TEXTS:
            evil = replace(good[0], tags=(("zone", text), ("path", text), ("cookie", text)))
            try:
                rendered = renderer.render(Snapshot.of([evil, good[1]]))
            except RenderError:
                continue
            assert rendering.read(rendered) == {(e.address, e.port) for e in good}, text
            assert COMPUTED not in _all(rendered), "a value was computed"
        assert renderer.render(Snapshot.of(good)) == rendering.renderer().render(Snapshot.of(good))

    def test_missing_template_is_told(self, rendering: Rendering) -> None:
        """A template that is not there is a SettingsError that names the file."""
        rendering.needs("missing")
        path = rendering.missing()
        with pytest.raises(SettingsError) as told:
            rendering.renderer().render(Snapshot())
        assert str(path) in str(told.value)
        assert "\n" not in str(told.value)

    def test_broken_template_is_told(self, rendering: Rendering) -> None:
        """A template that cannot be understood is a RenderError that names the file."""
        rendering.needs("broken")
        path = rendering.broken()
        with pytest.raises(RenderError) as told:
            rendering.renderer().render(Snapshot())
        assert str(path) in str(told.value)
        assert "\n" not in str(told.value)


def _node(name: str, *, address: str = "10.0.0.7", port: int = 3000, **parts: object) -> Endpoint:
    known: dict[str, object] = {"service": "nodes", **parts}
    return Endpoint(name=name, address=address, port=port, **known)  # type: ignore[arg-type]


def _nodes(count: int) -> list[Endpoint]:
    return [_node(f"s{number}", address=f"10.0.0.{number}") for number in range(1, count + 1)]


def _all(rendered: Rendered) -> str:
    return "\n".join([rendered.text, *(text for _, text in rendered.files)])
