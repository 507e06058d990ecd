"""Small language models tuned on exactly the sub-tasks of your work (the Task-Fine-Tune method of arXiv 2407.07094).

    from anytasktune import Workspace, import_rows, tune

    workspace = Workspace.open("my-field")
    report = tune(workspace)

The names below are the whole public API; the command line calls the same functions. They are imported when first used, so
that `import anytasktune` costs nothing.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from anytasktune.version import __version__

if TYPE_CHECKING:
    from anytasktune.datasets import ColumnMap
    from anytasktune.errors import AnyTaskTuneError
    from anytasktune.inference.task_lm import TaskLM
    from anytasktune.pipeline import (
        ActionRunOptions,
        AnsweringSystem,
        BuildOptions,
        Event,
        Finished,
        ImportOptions,
        Note,
        PersonDecision,
        PersonTurn,
        Predicted,
        PredictOptions,
        Progress,
        Started,
        Workspace,
        ask,
        ask_auto,
        augment,
        build,
        check,
        evaluate,
        gate,
        import_rows,
        ingest_documents,
        init_project,
        open_system,
        plan,
        predict,
        resume_action,
        run_action,
        synth,
        train,
        tune,
    )
    from anytasktune.schema import ActionResult, Domain, Example, Report, RoutedAnswer, Run, Task, TaskAnswer
    from anytasktune.settings import Settings

# PyTorch's worker threads spin while they wait for each other. As soon as anything else wants a core, every one of the
# thousands of waits in a training step then costs a time slice: steps of 2 s were measured at 5 to 40 s. Read once, when
# PyTorch is loaded; whoever sets it before keeps their choice.
# A short spin before sleeping costs others nothing and keeps an idle machine as fast as spinning does.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "5000")

_HOME = {
    "ActionResult": "anytasktune.schema",
    "ActionRunOptions": "anytasktune.pipeline",
    "AnsweringSystem": "anytasktune.pipeline",
    "AnyTaskTuneError": "anytasktune.errors",
    "BuildOptions": "anytasktune.pipeline",
    "ColumnMap": "anytasktune.datasets",
    "Domain": "anytasktune.schema",
    "Event": "anytasktune.pipeline",
    "Example": "anytasktune.schema",
    "Finished": "anytasktune.pipeline",
    "ImportOptions": "anytasktune.pipeline",
    "Note": "anytasktune.pipeline",
    "PersonDecision": "anytasktune.pipeline",
    "PersonTurn": "anytasktune.pipeline",
    "PredictOptions": "anytasktune.pipeline",
    "Predicted": "anytasktune.pipeline",
    "Progress": "anytasktune.pipeline",
    "Report": "anytasktune.schema",
    "RoutedAnswer": "anytasktune.schema",
    "Run": "anytasktune.schema",
    "Settings": "anytasktune.settings",
    "Started": "anytasktune.pipeline",
    "Task": "anytasktune.schema",
    "TaskAnswer": "anytasktune.schema",
    "TaskLM": "anytasktune.inference.task_lm",
    "Workspace": "anytasktune.pipeline",
    "ask": "anytasktune.pipeline",
    "ask_auto": "anytasktune.pipeline",
    "augment": "anytasktune.pipeline",
    "build": "anytasktune.pipeline",
    "check": "anytasktune.pipeline",
    "evaluate": "anytasktune.pipeline",
    "gate": "anytasktune.pipeline",
    "import_rows": "anytasktune.pipeline",
    "ingest_documents": "anytasktune.pipeline",
    "init_project": "anytasktune.pipeline",
    "open_system": "anytasktune.pipeline",
    "plan": "anytasktune.pipeline",
    "predict": "anytasktune.pipeline",
    "resume_action": "anytasktune.pipeline",
    "run_action": "anytasktune.pipeline",
    "synth": "anytasktune.pipeline",
    "train": "anytasktune.pipeline",
    "tune": "anytasktune.pipeline",
}

__all__ = [
    "ActionResult",
    "AnsweringSystem",
    "AnyTaskTuneError",
    "BuildOptions",
    "ColumnMap",
    "Domain",
    "Event",
    "Example",
    "Finished",
    "ImportOptions",
    "Note",
    "PersonDecision",
    "PersonTurn",
    "PredictOptions",
    "Predicted",
    "Progress",
    "Report",
    "RoutedAnswer",
    "Run",
    "ActionRunOptions",
    "Settings",
    "Started",
    "Task",
    "TaskAnswer",
    "TaskLM",
    "Workspace",
    "__version__",
    "ask",
    "ask_auto",
    "augment",
    "build",
    "check",
    "evaluate",
    "gate",
    "import_rows",
    "ingest_documents",
    "init_project",
    "open_system",
    "plan",
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
    return getattr(import_module(_HOME[name]), name)
