"""A listener for tests that writes down what it hears."""

from typing import TypeVar

from lbdisc import events

E = TypeVar("E", bound=events.Event)


class Notes:
    """``events`` are all that were heard, in order."""

    def __init__(self) -> None:
        self.events: list[events.Event] = []

    def hear(self, event: events.Event) -> None:
        self.events.append(event)

    def close(self) -> None:
        """Nothing to let go of."""

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]
