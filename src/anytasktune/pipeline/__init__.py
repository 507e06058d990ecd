"""The verbs: rows → data set → Task-LM → predictions → report. Finished artefacts are reused.

The names are imported when first used: `init` and `import` need no PyTorch, whose loading takes seconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anytasktune.datasets.differences import DatasetDiff
    from anytasktune.models import CatalogEntry
    from anytasktune.packs.contents import PackSummary
    from anytasktune.pipeline.answering import AnsweringSystem, ask, open_system
    from anytasktune.pipeline.build_context import BuildOptions
    from anytasktune.pipeline.building import Built, build
    from anytasktune.pipeline.checking import CheckedTask, check, plan
    from anytasktune.pipeline.events import Event, Finished, Note, OnEvent, Progress, Started
    from anytasktune.pipeline.frozen_datasets import frozen_dataset
    from anytasktune.pipeline.gating import gate
    from anytasktune.pipeline.generating import augment, synth
    from anytasktune.pipeline.importing import Imported, ImportOptions, import_rows
    from anytasktune.pipeline.ingesting import ingest_documents
    from anytasktune.pipeline.initializing import init_project
    from anytasktune.pipeline.learning_curves import CurvePlan, measure_learning_curves, plan_learning_curves
    from anytasktune.pipeline.measuring_transfer import TransferPlan, measure_transfers, plan_transfers
    from anytasktune.pipeline.predicting import Predicted, PredictOptions, predict
    from anytasktune.pipeline.routing import ask_auto
    from anytasktune.pipeline.running_actions import ActionRunOptions, PersonDecision, PersonTurn, resume_action, run_action
    from anytasktune.pipeline.stored_trainings import TaskPlan
    from anytasktune.pipeline.tuning import evaluate, train, tune
    from anytasktune.pipeline.workspace import Workspace
    from anytasktune.settings import Settings
    from anytasktune.tasks import Finding

_HOME = {
    "ActionRunOptions": "running_actions",
    "AnsweringSystem": "answering",
    "Built": "building",
    "CheckedTask": "checking",
    "CurvePlan": "learning_curves",
    "DatasetDiff": "dataset_views",
    "Event": "events",
    "Finding": "pool_checking",
    "Finished": "events",
    "Imported": "importing",
    "ImportOptions": "importing",
    "CatalogEntry": "machine",
    "Note": "events",
    "OnEvent": "events",
    "PackSummary": "initializing",
    "PersonDecision": "running_actions",
    "PersonTurn": "running_actions",
    "PredictOptions": "predicting",
    "Predicted": "predicting",
    "Progress": "events",
    "BuildOptions": "build_context",
    "Settings": "workspace",
    "Started": "events",
    "TaskPlan": "stored_trainings",
    "TransferPlan": "measuring_transfer",
    "Workspace": "workspace",
    "ask": "answering",
    "ask_auto": "routing",
    "augment": "generating",
    "build": "building",
    "check": "checking",
    "evaluate": "tuning",
    "frozen_dataset": "frozen_datasets",
    "gate": "gating",
    "import_rows": "importing",
    "ingest_documents": "ingesting",
    "init_project": "initializing",
    "measure_learning_curves": "learning_curves",
    "measure_transfers": "measuring_transfer",
    "open_system": "answering",
    "plan": "checking",
    "plan_learning_curves": "learning_curves",
    "plan_transfers": "measuring_transfer",
    "predict": "predicting",
    "resume_action": "running_actions",
    "run_action": "running_actions",
    "synth": "generating",
    "train": "tuning",
    "tune": "tuning",
}

__all__ = [
    "AnsweringSystem",
    "Built",
    "CheckedTask",
    "CurvePlan",
    "DatasetDiff",
    "Event",
    "Finding",
    "Finished",
    "Imported",
    "ImportOptions",
    "CatalogEntry",
    "Note",
    "OnEvent",
    "PackSummary",
    "PersonDecision",
    "PersonTurn",
    "PredictOptions",
    "Predicted",
    "Progress",
    "BuildOptions",
    "ActionRunOptions",
    "Settings",
    "Started",
    "TaskPlan",
    "TransferPlan",
    "Workspace",
    "ask",
    "ask_auto",
    "augment",
    "build",
    "check",
    "evaluate",
    "frozen_dataset",
    "gate",
    "import_rows",
    "ingest_documents",
    "init_project",
    "measure_learning_curves",
    "measure_transfers",
    "open_system",
    "plan",
    "plan_learning_curves",
    "plan_transfers",
    "predict",
    "resume_action",
    "run_action",
    "synth",
    "train",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
