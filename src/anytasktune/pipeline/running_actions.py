"""`run`: an action executed by its Task-LMs, step by step, with a trace from which it goes on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anytasktune.errors import ConfigError, DataError
from anytasktune.ids import content_id
from anytasktune.pipeline.answering import AnsweringSystem, system_for, usable_text, violations_of
from anytasktune.pipeline.events import Finished, OnEvent, ignore_event
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema import Example, Task, TaskAnswer
from anytasktune.schema.action_run import ActionResult, ActionRun, StepSystem, StepTrace
from anytasktune.schema.task_answer import AnswerViolation
from anytasktune.schema.wiring import WiredAction
from anytasktune.settings import TASK_LMS, Settings
from anytasktune.settings.yaml_reading import nearest
from anytasktune.store import DOMAIN_FILE, append_line, held_alone, read_lines, read_record, write_record
from anytasktune.text.language import likelier_language
from anytasktune.workflow.execute import ActionRunner, AskPerson, PersonDecision, PersonTurn, StepEdit

__all__ = ["AskPerson", "PersonDecision", "PersonTurn", "ActionRunOptions", "StepEdit", "resume_action", "run_action"]

RUN_RECORD, TRACE = "run.json", "steps.jsonl"


@dataclass(frozen=True)
class ActionRunOptions:
    """How an action is run.

    Attributes:
        system: what answers the steps, see `system_for`.
        language: of the input; detected from its script unless given.
        person: called where a step wants a person; without it the run stops there with the status `waiting`.
        fresh: begin anew, although the same was run before.
    """

    system: str = ""
    language: Language | None = None
    person: AskPerson | None = None
    fresh: bool = False


@dataclass
class OpenedSystems:
    """The systems that answer the steps of an action. Those on the same base model share it."""

    workspace: Workspace
    settings: Settings
    on_event: OnEvent
    _contexts: list[TrainingContext] = field(default_factory=list)
    _opened: dict[tuple[str, str], AnsweringSystem] = field(default_factory=dict)

    def of(self, task: Task, name: str) -> AnsweringSystem:
        """A system, see `system_for`."""
        key = (task.name, name)
        if key not in self._opened:
            system = self._open(task, name)
            recorded = StepSystem(name=system.name, version=system.version, identity=system.identity)
            self._opened |= {key: system, (task.name, _name_of(recorded)): system}
        return self._opened[key]

    def _open(self, task: Task, name: str) -> AnsweringSystem:
        for context in self._contexts:
            before = context.settings
            system = system_for(context, task, name)
            if all(getattr(context.settings.train, one) == getattr(before.train, one) for one in ("model", "dtype", "device")):
                return system
            context.settings = before
        self._contexts.append(TrainingContext.begin(self.workspace, self.settings, self.on_event))
        return system_for(self._contexts[-1], task, name)


def run_action(
    workspace: Workspace,
    action: str,
    text: str,
    options: ActionRunOptions | None = None,
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
    systems: OpenedSystems | None = None,
) -> ActionResult:
    """Run an action on one input. The same call goes on where an earlier one stopped, and answers no step twice.

    Args:
        action: its name.
        text: the input.
        systems: those of earlier calls, which stay in memory; opened from `settings` unless given.

    Raises:
        DataError: the text is empty or no text, or a step's input has not the form that the wiring counts on.
        ConfigError: there is no such action, system or version.
        EvaluationError: a step has no Task-LM yet.
    """
    options, wired, text = options or ActionRunOptions(), workspace.action(action), usable_text(text)
    systems = systems or OpenedSystems(workspace, settings or Settings(), on_event or ignore_event)
    opened = {step: systems.of(wired.tasks[step], options.system) for step in answered_steps(wired)}
    begun = ActionRun(
        id="",
        action=action,
        input=text,
        language=language_of_input(wired, text, options.language),
        systems={step: StepSystem(name=one.name, version=one.version, identity=one.identity) for step, one in opened.items()},
        definition=definition_of(wired),
    )
    run = _numbered(workspace, begun, fresh=options.fresh)
    folder = _folder(workspace, run)
    with held_alone(folder):
        if not (folder / RUN_RECORD).exists():
            write_record(folder / RUN_RECORD, run)
        return _go_on(workspace, run, wired, systems, options.person)


def resume_action(
    workspace: Workspace,
    run_id: str,
    *,
    person: AskPerson | None = None,
    edit: StepEdit | None = None,
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
    systems: OpenedSystems | None = None,
) -> ActionResult:
    """Go on with a run that was stopped or waits for a person; of one that has ended, what came of it.

    Args:
        run_id: its id, of which the beginning is enough.
        edit: replaces the answer of a step first, also of a run that has ended; later steps whose inputs change by it are
            answered anew.
        systems: those of earlier calls, which stay in memory; opened from `settings` unless given.

    Raises:
        ConfigError: there is no such run, or its action has changed since, or what answered its steps, or the edit is of a
            step without an answer.
        DataError: as `run_action`.
    """
    found = sorted(workspace.project.action_runs.glob(f"*/*/{RUN_RECORD}"))
    begin_so = [path for path in found if path.parent.name.startswith(run_id)] if run_id else []
    if len(begin_so) != 1:
        what = f"several action runs begin with {run_id!r}" if begin_so else f"there is no action run {run_id!r}"
        fix = nearest(run_id, [path.parent.name for path in begin_so or found]) if found else "begin one: run ACTION TEXT"
        raise ConfigError(what, where=str(workspace.project.action_runs), fix=fix)
    run = read_record(begin_so[0], ActionRun)
    wired = workspace.action(run.action)
    again = f"begin it anew: {workspace.project.command('run', run.action, run.input)}"
    if definition_of(wired) != run.definition:
        raise ConfigError(f"action {run.action} has changed since action run {run.id} began", where=DOMAIN_FILE, fix=again)
    systems = systems or OpenedSystems(workspace, settings or Settings(), on_event or ignore_event)
    with held_alone(begin_so[0].parent):
        return _go_on(workspace, run, wired, systems, person, edit)


def answered_steps(wired: WiredAction) -> list[str]:
    """The steps that a system answers, each once."""
    return [step for step in dict.fromkeys(wired.steps) if wired.wiring[step].person != "takeover"]


def language_of_input(wired: WiredAction, text: str, language: Language | None) -> Language:
    """The language an action runs in: the given one, else the one detected from its script, if a step speaks it.

    Raises:
        ConfigError: no step speaks the given language.
    """
    spoken = list(dict.fromkeys(one for task in wired.tasks.values() for one in task.languages))
    if language is not None and language not in spoken:
        raise ConfigError(f"no step of {wired.name} has an instruction in {language}", where="--language", fix="leave it out")
    found = language or likelier_language(text)
    return found if found in spoken else spoken[0]


def definition_of(wired: WiredAction) -> str:
    """Id of everything in `domain.yaml` that decides on a run."""
    tasks = [[step, wired.tasks[step].definition, wired.wiring[step].model_dump()] for step in wired.steps]
    return content_id([wired.name, tasks])


def step_example(task: Task, text: str, language: Language | None) -> Example:
    """An input of a step in the language of the action, or in the task's first where it does not speak that one."""
    return Example(input=text, output="", language=language if language in task.languages else None)


def _go_on(
    workspace: Workspace,
    run: ActionRun,
    wired: WiredAction,
    systems: OpenedSystems,
    person: AskPerson | None,
    edit: StepEdit | None = None,
) -> ActionResult:
    trace = _folder(workspace, run) / TRACE

    def answer(step: str, inputs: Sequence[str], again: bool) -> list[TaskAnswer]:
        task, recorded, retry = wired.tasks[step], run.systems[step], wired.wiring[step].retry_with
        system = systems.of(task, retry if again and retry else _name_of(recorded))
        if not again and system.identity != recorded.identity:
            fix = f"begin it anew: {workspace.project.command('run', run.action, run.input)}"
            raise ConfigError(f"what answers {step} has changed since action run {run.id} began", where=f"step {step}", fix=fix)
        examples = [step_example(task, text, run.language) for text in inputs]
        answers = system.answer(examples)
        if failed := next((one.error for one in answers if one.error), None):
            fix = "shorten the text, or split it with an earlier step"
            raise DataError(f"no answer: {failed}", where=f"step {step} of {wired.name}", fix=fix)
        systems.on_event(Finished(stage="answer", name=step, system=system.name))
        return [system.judged(example, one) for example, one in zip(examples, answers, strict=True)]

    def violations(step: str, text: str, output: str) -> list[AnswerViolation]:
        return violations_of(wired.tasks[step], step_example(wired.tasks[step], text, run.language), output)

    runner = ActionRunner(wired, answer, violations, person or (lambda _: None), lambda line: append_line(trace, line))
    return runner.go_on(run, read_lines(trace, StepTrace), edit)


def _name_of(recorded: StepSystem) -> str:
    """The name by which `system_for` finds the same again, also when another version is current."""
    return recorded.version if recorded.name in TASK_LMS else recorded.name


def _numbered(workspace: Workspace, begun: ActionRun, *, fresh: bool) -> ActionRun:
    """The run with its id: the last one of the same, or the next where it is to begin anew."""

    def attempt(number: int) -> ActionRun:
        numbered = begun.model_copy(update={"attempt": number})
        return numbered.model_copy(update={"id": content_id(numbered.model_dump(exclude={"id", "schema_version"}))})

    run = attempt(0)
    while (_folder(workspace, run) / RUN_RECORD).exists():
        run = attempt(run.attempt + 1)
    return run if fresh or run.attempt == 0 else attempt(run.attempt - 1)


def _folder(workspace: Workspace, run: ActionRun) -> Path:
    return workspace.project.action_runs / run.action / run.id
