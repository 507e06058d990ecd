"""The stages in order: rows → data set → Task-LM → predictions → report. What is built already is skipped.

The names are imported when first used: `init` and `import` need no PyTorch, whose loading takes seconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anytasktune.pipeline.building import Built, augment, build, gate, synth
    from anytasktune.pipeline.checking import CheckedTask, TaskPlan, check, plan
    from anytasktune.pipeline.freezing import frozen_dataset
    from anytasktune.pipeline.importing import Imported, ImportOptions, import_rows
    from anytasktune.pipeline.ingesting import ingest_documents
    from anytasktune.pipeline.listening import Listener, Silent
    from anytasktune.pipeline.making import MakingOptions
    from anytasktune.pipeline.starting import init_project
    from anytasktune.pipeline.tuning import evaluate, train, tune
    from anytasktune.pipeline.units import Granularity
    from anytasktune.pipeline.workspace import Settings, Workspace

_HOME = {
    "Built": "building",
    "CheckedTask": "checking",
    "Granularity": "units",
    "Imported": "importing",
    "ImportOptions": "importing",
    "Listener": "listening",
    "MakingOptions": "making",
    "Settings": "workspace",
    "Silent": "listening",
    "TaskPlan": "checking",
    "Workspace": "workspace",
    "augment": "building",
    "build": "building",
    "check": "checking",
    "evaluate": "tuning",
    "frozen_dataset": "freezing",
    "gate": "building",
    "import_rows": "importing",
    "ingest_documents": "ingesting",
    "init_project": "starting",
    "plan": "checking",
    "synth": "building",
    "train": "tuning",
    "tune": "tuning",
}

__all__ = [
    "Built",
    "CheckedTask",
    "Granularity",
    "Imported",
    "ImportOptions",
    "Listener",
    "MakingOptions",
    "Settings",
    "Silent",
    "TaskPlan",
    "Workspace",
    "augment",
    "build",
    "check",
    "evaluate",
    "frozen_dataset",
    "gate",
    "import_rows",
    "ingest_documents",
    "init_project",
    "plan",
    "synth",
    "train",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
