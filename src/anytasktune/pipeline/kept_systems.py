"""Systems that stay in memory between questions, for programs that run for long."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anytasktune.ids import content_id, file_hash
from anytasktune.pipeline.events import OnEvent
from anytasktune.pipeline.workspace import Workspace
from anytasktune.store import read_ref

if TYPE_CHECKING:
    from anytasktune.pipeline.running_actions import OpenedSystems


@dataclass
class KeptSystems:
    """The systems of one project at a time; opened when the first question needs one, anew when the project has changed."""

    on_event: OnEvent
    _state: str = ""
    _systems: "OpenedSystems | None" = None

    def of(self, workspace: Workspace) -> "OpenedSystems":
        """Those of the project as it is now: the ones opened before, unless a file or a Task-LM has changed since."""
        from anytasktune.pipeline.running_actions import OpenedSystems  # noqa: PLC0415 (loads the engine)

        project = workspace.project
        files = [file_hash(path) for path in (project.domain_file, project.settings_file, project.promotions) if path.exists()]
        runs = [read_ref(folder) for folder in sorted((project.artifacts / "runs").glob("[!.]*/"))]
        state = content_id([str(project.root), files, runs])
        if self._systems is None or state != self._state:
            self._systems = OpenedSystems(workspace, workspace.settings(), self.on_event)
            self._state = state
        return self._systems
