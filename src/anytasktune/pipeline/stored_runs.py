"""The finished training runs of a project; their files are read without loading the engine."""

from collections.abc import Collection, Iterator
from pathlib import Path

from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Run, Task
from anytasktune.settings import System
from anytasktune.store import Project, read_ref
from anytasktune.store.run_folder import ADAPTER_FOLDER, RUN_FILE, finished_run
from anytasktune.training.adapter_targets import targets_with


def all_versions(workspace: Workspace, task: Task) -> Iterator[tuple[System, Run]]:
    """Every finished run that learned the task, with the name of its Task-LM in reports."""
    for system, target in targets_with(workspace.domain, task):
        for record in sorted(workspace.project.runs(target).glob(f"*/{RUN_FILE}")):
            if (run := finished_run(record.parent)) is not None and task.name in run.tasks:
                yield system, run


def last_runs(workspace: Workspace, task: Task, asked: Collection[System]) -> Iterator[tuple[System, Run]]:
    """The last finished run that learned the task, of each of these granularities that has one.

    Raises:
        DamagedError: a file of such a run was changed.
    """
    found = set()
    for system, target in targets_with(workspace.domain, task):
        folder = workspace.project.runs(target)
        last = read_ref(folder) if system in asked and system not in found else None
        run = finished_run(folder / last) if last else None
        if run is not None and task.name in run.tasks:
            found.add(system)
            yield system, run


def adapter_folder(project: Project, run: Run) -> Path:
    """The folder of a run's adapter and `task_lm.json`."""
    return project.runs(run.target) / run.id / ADAPTER_FOLDER
