"""`eval-action`: an action on test rows whose chain of reference answers is known, and the step at which its score is lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from anytasktune.errors import EvaluationError
from anytasktune.ids import content_id
from anytasktune.pipeline.answering import AnsweringSystem
from anytasktune.pipeline.evaluating import require_held_out
from anytasktune.pipeline.events import Finished, OnEvent, ignore_event
from anytasktune.pipeline.running_actions import OpenedSystems, definition_of, step_example
from anytasktune.pipeline.stored_runs import adapter_folder
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema import Task
from anytasktune.schema.action_evaluation import ActionEvaluation
from anytasktune.schema.action_run import StepSystem
from anytasktune.settings import TASK_LMS, Settings
from anytasktune.store import find_or_make, record_kind
from anytasktune.store.run_folder import RUN_FILE, finished_run, read_task_lm
from anytasktune.version import __version__
from anytasktune.workflow.attribution import attribute

ACTION_EVALUATIONS = record_kind(ActionEvaluation, lambda record: record.id)


@dataclass
class StepAnswers:
    """Answers of the steps' systems to inputs; an input that comes again is not answered again."""

    tasks: Mapping[str, Task]
    systems: Mapping[str, AnsweringSystem]
    known: dict[tuple[str, str, Language | None], str | None] = field(default_factory=dict)
    """Step, input and its language → answer, None where there is none."""

    def __call__(self, step: str, asked: Sequence[tuple[str, Language | None]]) -> list[str | None]:
        for language in dict.fromkeys(language for _, language in asked):
            waiting = [text for text, own in dict.fromkeys(asked) if own == language and (step, text, own) not in self.known]
            examples = [step_example(self.tasks[step], text, language) for text in waiting]
            found = self.systems[step].answer(examples) if waiting else []
            for text, one in zip(waiting, found, strict=True):
                self.known[step, text, language] = None if one.error else one.output
        return [self.known[step, text, language] for text, language in asked]


def evaluate_action(
    workspace: Workspace, action: str, system: str = "", settings: Settings | None = None, on_event: OnEvent | None = None
) -> ActionEvaluation:
    """Score every step of an action with reference and with predicted inputs; a person's steps are answered by their systems.

    Args:
        action: its name.
        system: what answers the steps, see `open_system`.

    Raises:
        ConfigError: there is no such action, system or version.
        EvaluationError: a step has no test rows or no Task-LM, or one that may know the test rows.
    """
    wired, settings, on_event = workspace.action(action), settings or Settings(), on_event or ignore_event
    context = TrainingContext.begin(workspace, settings, on_event)
    tasks = list(wired.tasks.values())
    require_held_out(context, tasks)
    split, most = settings.eval.split, settings.eval.max_rows
    rows = {task.name: context.dataset(task).splits[split][:most] for task in tasks}
    systems = OpenedSystems(workspace, settings, on_event)
    opened = {task.name: systems.of(task, system) for task in tasks}
    for task in tasks:
        _require_unseen(context, task, opened[task.name])
    inputs = [
        definition_of(wired),
        [task.scored_by for task in tasks],
        {step: one.identity for step, one in opened.items()},
        {step: [row.id for row in some] for step, some in rows.items()},
        __version__,
    ]

    def make() -> ActionEvaluation:
        found = attribute(wired, rows, StepAnswers(wired.tasks, opened))
        return ActionEvaluation(
            id=identity,
            action=action,
            split=split,
            systems={
                step: StepSystem(name=one.name, version=one.version, identity=one.identity) for step, one in opened.items()
            },
            chains=found.chains,
            steps=found.steps,
            first_wrong=found.first_wrong,
            all_right=found.all_right,
            notes=found.notes,
        )

    identity = content_id(inputs)
    folder = workspace.project.action_evaluations / action
    result, made = find_or_make(folder, ACTION_EVALUATIONS, identity, make, note=context.note)
    on_event(Finished(stage="answer", name=action, artifact=identity, reused=not made))
    return result


def _require_unseen(context: TrainingContext, task: Task, system: AnsweringSystem) -> None:
    """Raise EvaluationError for a Task-LM that may have learned the test rows, or that was trained for another task."""
    if system.name not in TASK_LMS:
        return
    project = context.workspace.project
    fix = f"train it again: {project.command('train', task.name)}"
    run = next(finished_run(path.parent) for path in (project.artifacts / "runs").glob(f"*/{system.version}/{RUN_FILE}"))
    if run is None or run.datasets.get(task.name) != context.dataset(task).manifest.id:
        what = f"the rows or splits of {task.name} have changed since its Task-LM was trained, so it may know the test rows"
        raise EvaluationError(what, where=f"task {task.name}", fix=fix)
    if task.changed_since(read_task_lm(adapter_folder(project, run)).task(task.name)):
        what = f"instruction, output or rules of {task.name} have changed since its Task-LM was trained"
        raise EvaluationError(what, where=f"task {task.name}", fix=fix)
