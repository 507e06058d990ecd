"""General instructions are asked of the base model and of every Task-LM; predictions made before are reused."""

from collections.abc import Sequence

from anytasktune.evaluation.forgetting_guard import (
    GENERAL_DECODING,
    GENERAL_TASK,
    general_rows,
    general_set_id,
    measure_forgetting,
)
from anytasktune.evaluation.predict import EvaluatedSystem
from anytasktune.inference.task_predictor import OnRows
from anytasktune.pipeline.cross_task_answers import matrix_models
from anytasktune.pipeline.evaluating import answers_of, has_predictions
from anytasktune.pipeline.events import Finished, Meter
from anytasktune.pipeline.stored_runs import adapter_folder
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.schema import Forgetting, PredictionSet, Task
from anytasktune.schema.task_matrix import BASE_MODEL, MatrixModel, TaskMatrix
from anytasktune.store.run_folder import read_task_lm


def ask_general_instructions(context: TrainingContext, tasks: Sequence[Task], matrix: TaskMatrix | None = None) -> Forgetting:
    """Ask them, and compare each Task-LM that learned one of the tasks with its base model."""
    planned, rows = plan_general_instructions(context, tasks), general_rows()
    waiting, done = sum(not known for _, _, known in planned) * len(rows), 0
    meter = Meter(context.on_event, "forgetting", "general instructions", waiting) if waiting else None
    answers: dict[str, PredictionSet] = {}
    for model, system, known in planned:
        name = model.target or "base model"

        def begin(name: str = name) -> OnRows:
            def on_rows(count: int) -> None:
                nonlocal done
                done += count
                if meter is not None:
                    meter.update(done, max(done, waiting), name)

            return on_rows

        answers[model.target], _ = answers_of(context, (general_set_id(), rows), system, "dev", begin)
        context.on_event(Finished(stage="forgetting", name=name, detail=f"{len(rows)} instructions", reused=known))
    models = [model for model, _, _ in planned if model.target != BASE_MODEL]
    return measure_forgetting(models, answers, context.settings.eval, matrix, tasks)


def plan_general_instructions(
    context: TrainingContext, tasks: Sequence[Task]
) -> list[tuple[MatrixModel, EvaluatedSystem, bool]]:
    """The models that are asked, the base model first, and whether their answers are there already.

    A Task-LM of method `head` is the base model here, and is left out.
    """
    asked = [(MatrixModel(target=BASE_MODEL, system="base"), EvaluatedSystem("base", GENERAL_TASK, GENERAL_DECODING))]
    for model, run in matrix_models(context, tasks):
        if run.config.method == "head":
            context.note(f"{model.target}: not asked general instructions, it has no adapter (method head)")
            continue
        folder = adapter_folder(context.workspace.project, run)
        system = EvaluatedSystem(model.system, GENERAL_TASK, GENERAL_DECODING, adapter=folder, task_lm=read_task_lm(folder).id)
        asked.append((model, system))
    rows = general_rows()
    return [(model, system, has_predictions(context, system, rows)) for model, system in asked]
