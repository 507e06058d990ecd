"""The base of what the stages of one command share: the project, its settings and the receiver of events."""

from dataclasses import dataclass, field

from anytasktune.pipeline.events import Note, OnEvent, ignore_event
from anytasktune.pipeline.workspace import Workspace
from anytasktune.settings import Settings


@dataclass
class Context:
    """One command on a project."""

    workspace: Workspace
    settings: Settings = field(default_factory=Settings)
    on_event: OnEvent = ignore_event

    def note(self, text: str) -> None:
        """Report a remark that is no error."""
        self.on_event(Note(text=text))
