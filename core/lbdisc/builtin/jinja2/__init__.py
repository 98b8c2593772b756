"""The renderer ``jinja2``: templates."""
