"""Transfer between languages as it is stored, and computed again from the predictions it names."""

from collections.abc import Sequence

from anytasktune.datasets import FrozenDataset
from anytasktune.errors import StoreError
from anytasktune.evaluation import score_system
from anytasktune.evaluation.transfer_scores import TrainedAnswers, language_transfer
from anytasktune.pipeline.context import Context
from anytasktune.schema import Example, PredictionSet, Task, TaskReport
from anytasktune.schema.language_transfer import LanguageTransfer
from anytasktune.settings import EvalConfig
from anytasktune.store import Project, find_artifact, read_record, read_ref, record_kind

LANGUAGE_TRANSFERS = record_kind(LanguageTransfer, lambda transfer: transfer.id)


def transfer_of(context: Context, dataset: FrozenDataset, report: TaskReport) -> LanguageTransfer | None:
    """The last measured transfer of a task, if the answers of its Task-LM are the very ones that a report is about."""
    project = context.workspace.project
    folder = project.language_transfers(report.task)
    try:
        last = read_ref(folder)
        stored = find_artifact(folder, LANGUAGE_TRANSFERS, last) if last else None
        whole = stored.of("both") if stored else None
        shown = {result.predictions for result in report.systems if result.system == "tuned"}
        if stored is None or whole is None or report.definition is None or whole.predictions not in shown:
            return None
        return transfer_again(project, report.definition, dataset, stored, context.settings.eval)
    except StoreError as error:
        context.note(f"the transfer between languages of {report.task} is left out: {error.problems[0]}")
        return None


def transfer_again(
    project: Project, task: Task, dataset: FrozenDataset, stored: LanguageTransfer, config: EvalConfig
) -> LanguageTransfer:
    """A measured transfer computed again from the stored predictions it names.

    Raises:
        StoreError: predictions are missing or damaged.
        EvaluationError: they do not go together with the rows.
    """
    rows: Sequence[Example] = dataset.splits.get(stored.split, [])[: config.max_rows]
    answers = {}
    for model in stored.models:
        predictions = read_record(project.predictions(task.name) / f"{model.predictions}.json", PredictionSet)
        scored = score_system(task, rows, predictions)
        answers[model.trained_on] = TrainedAnswers(scored, model.train_rows, model.seconds, model.run)
    return language_transfer(task, rows, (stored.dataset, stored.split), answers, config)
