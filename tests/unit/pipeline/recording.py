"""A receiver of events that keeps them."""

from anytasktune.pipeline import Event, Finished, Note

_COUNTED = {"data", "train", "answer", "matrix"}


class Recording:
    """All events, in order."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    @property
    def finished(self) -> list[Finished]:
        """Results, in order."""
        return [event for event in self.events if isinstance(event, Finished)]

    @property
    def made(self) -> list[str]:
        """Data sets, Task-LMs and predictions that were made."""
        return [_named(event) for event in self.finished if event.stage in _COUNTED and not event.reused]

    @property
    def reused(self) -> list[str]:
        """Those that existed already."""
        return [_named(event) for event in self.finished if event.stage in _COUNTED and event.reused]

    @property
    def trained(self) -> list[str]:
        """Adapter targets that were trained."""
        return [line.removeprefix("train ") for line in self.made if line.startswith("train ")]

    @property
    def notes(self) -> list[str]:
        """Remarks, in order."""
        return [event.text for event in self.events if isinstance(event, Note)]


def _named(event: Finished) -> str:
    return f"{event.stage} {event.name}" + (f" {event.system}" if event.system else "")
