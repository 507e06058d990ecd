"""The stages in order: rows → data set → Task-LM → predictions → report. What is built already is skipped.

The names are imported when first used: `init` and `import` need no PyTorch, whose loading takes seconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anytasktune.datasets.differences import DatasetDiff
    from anytasktune.models import ModelListing
    from anytasktune.packs.contents import PackSummary
    from anytasktune.pipeline.adapter_targets import Granularity
    from anytasktune.pipeline.build_context import BuildOptions
    from anytasktune.pipeline.building import Built, augment, build, gate, synth
    from anytasktune.pipeline.checking import CheckedTask, TaskPlan, check, plan
    from anytasktune.pipeline.events import Listener, Silent
    from anytasktune.pipeline.frozen_datasets import frozen_dataset
    from anytasktune.pipeline.importing import Imported, ImportOptions, import_rows
    from anytasktune.pipeline.ingesting import ingest_documents
    from anytasktune.pipeline.initializing import init_project
    from anytasktune.pipeline.tuning import evaluate, train, tune
    from anytasktune.pipeline.workspace import Workspace
    from anytasktune.settings import Settings
    from anytasktune.tasks import Finding

_HOME = {
    "Built": "building",
    "CheckedTask": "checking",
    "DatasetDiff": "dataset_views",
    "Finding": "pool_checking",
    "Granularity": "adapter_targets",
    "Imported": "importing",
    "ImportOptions": "importing",
    "Listener": "events",
    "ModelListing": "machine",
    "PackSummary": "initializing",
    "BuildOptions": "build_context",
    "Settings": "workspace",
    "Silent": "events",
    "TaskPlan": "checking",
    "Workspace": "workspace",
    "augment": "building",
    "build": "building",
    "check": "checking",
    "evaluate": "tuning",
    "frozen_dataset": "frozen_datasets",
    "gate": "building",
    "import_rows": "importing",
    "ingest_documents": "ingesting",
    "init_project": "initializing",
    "plan": "checking",
    "synth": "building",
    "train": "tuning",
    "tune": "tuning",
}

__all__ = [
    "Built",
    "CheckedTask",
    "DatasetDiff",
    "Finding",
    "Granularity",
    "Imported",
    "ImportOptions",
    "Listener",
    "ModelListing",
    "PackSummary",
    "BuildOptions",
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
