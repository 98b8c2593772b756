"""The templates."""

from typing import Any

from lbdisc.hooks import Provider, Renderer, hookimpl


@hookimpl
def lbdisc_renderer() -> Provider[Any, Renderer]:
    from lbdisc.builtin.jinja2.renderer import JinjaRenderer, JinjaSettings

    return Provider("jinja2", JinjaSettings, JinjaRenderer)
