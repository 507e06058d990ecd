"""The stages in order: rows → data set → Task-LM → predictions → report. What is built already is skipped.

The names are imported when first used: `init` and `import` need no PyTorch, whose loading takes seconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anytasktune.pipeline.checking import CheckedTask, TaskPlan, check, plan
    from anytasktune.pipeline.freezing import frozen_dataset
    from anytasktune.pipeline.importing import Imported, ImportOptions, import_rows
    from anytasktune.pipeline.listening import Listener, Silent
    from anytasktune.pipeline.starting import init_project
    from anytasktune.pipeline.tuning import evaluate, train, tune
    from anytasktune.pipeline.units import Granularity
    from anytasktune.pipeline.workspace import Settings, Workspace

_HOME = {
    "CheckedTask": "checking",
    "Granularity": "units",
    "ImportOptions": "importing",
    "Imported": "importing",
    "Listener": "listening",
    "Settings": "workspace",
    "Silent": "listening",
    "TaskPlan": "checking",
    "Workspace": "workspace",
    "check": "checking",
    "evaluate": "tuning",
    "frozen_dataset": "freezing",
    "import_rows": "importing",
    "init_project": "starting",
    "plan": "checking",
    "train": "tuning",
    "tune": "tuning",
}

__all__ = [
    "CheckedTask",
    "Granularity",
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


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
