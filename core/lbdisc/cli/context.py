"""What a plugin's command may ask for; nothing is loaded before it is asked."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lbdisc.hooks import Discovery
    from lbdisc.plugins import Plugins
    from lbdisc.settings.loading import Settings


class Context:
    """Settings, discovery and status for a command that a plugin adds.

    Every part may raise ``LbdiscError``; let it pass: it becomes one line and an exit code.
    """

    def __init__(
        self,
        plugins: "Plugins",
        *,
        config: Path | None = None,
        backend: str | None = None,
        assignments: Sequence[str] = (),
    ) -> None:
        self._plugins = plugins
        self._config = config
        self._backend = backend
        self._assignments = assignments

    def given(
        self,
        *,
        config: Path | None = None,
        backend: str | None = None,
        assignments: Sequence[str] | None = None,
    ) -> "Context":
        """With the command's own ``--config``, ``--backend`` and ``--set KEY=VALUE``."""
        return Context(self._plugins, config=config, backend=backend, assignments=assignments or ())

    @cached_property
    def settings(self) -> "Settings":
        """The effective settings; ``settings.table(name)`` is a plugin's own. Sets up the log."""
        from lbdisc.cli.common import load_configuration

        flags = {"backend": self._backend}
        return load_configuration(self._config, flags, self._assignments, self._plugins)[1]

    @property
    def discovery(self) -> "Discovery":
        """A new discovery of the backend that the settings name."""
        from lbdisc.settings import choosing

        return choosing.discovery(self._plugins, self.settings)

    @property
    def status(self) -> dict[str, Any] | None:
        """What the agent last said of itself, ``None`` when it never did."""
        from lbdisc.agent.store import Store

        return Store(self.settings.core.state_dir).status()
