"""What hears where nobody is served: nothing, so that nothing further is imported."""

from lbdisc import events


class Off:
    """A listener that passes over everything."""

    def hear(self, event: events.Event) -> None:
        """Nothing is counted that nobody can ask for."""

    def close(self) -> None:
        """There is nothing to let go of."""
