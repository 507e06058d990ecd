"""The stages in order: rows → data set → Task-LM → predictions → report. What is built already is skipped."""

from anytasktune.pipeline.checking import CheckedTask, TaskPlan, check, plan
from anytasktune.pipeline.listening import Listener, Silent
from anytasktune.pipeline.rows import Imported, ImportOptions, frozen_dataset, import_rows
from anytasktune.pipeline.starting import init_project
from anytasktune.pipeline.tuning import evaluate, train, tune
from anytasktune.pipeline.workspace import Settings, Workspace

__all__ = [
    "CheckedTask",
    "ImportOptions",
    "Imported",
    "Listener",
    "Settings",
    "Silent",
    "TaskPlan",
    "Workspace",
    "check",
    "evaluate",
    "frozen_dataset",
    "import_rows",
    "init_project",
    "plan",
    "train",
    "tune",
]
