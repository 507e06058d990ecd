"""Systems that answer new inputs of a task: its Task-LM, an earlier version of it, the base model, or a simple baseline."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

from anytasktune.baselines import ConstantAnswer, LinearModel, NearestRow
from anytasktune.datasets import RowError
from anytasktune.datasets.raw_rows import require_clean
from anytasktune.errors import ConfigError, DataError, EvaluationError
from anytasktune.evaluation.predict import EvaluatedSystem, predictor
from anytasktune.ids import content_id
from anytasktune.inference.task_predictor import OnRows
from anytasktune.pipeline.evaluating import base_system, few_shot_system, identifying, take_over_settings, task_lm_system
from anytasktune.pipeline.events import OnEvent
from anytasktune.pipeline.production import production_run
from anytasktune.pipeline.reporting import load_report
from anytasktune.pipeline.simple_baselines import linear_model
from anytasktune.pipeline.stored_runs import adapter_folder, all_versions, last_runs
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema import Answer, AnswerThreshold, AnswerViolation, Example, Run, Task, TaskAnswer
from anytasktune.scorers import answer_threshold
from anytasktune.settings import OWN_SYSTEMS, SIMPLE, TASK_LMS, Settings, System
from anytasktune.settings.yaml_reading import nearest
from anytasktune.store import read_ref
from anytasktune.store.run_folder import read_task_lm
from anytasktune.text.language import likelier_language
from anytasktune.version import __version__

AnswerRows = Callable[[Sequence[Example], OnRows], list[Answer]]
"""Answers examples, in order; calls the second argument with the number of examples answered since the last call."""


@dataclass(frozen=True)
class AnsweringSystem:
    """A system that answers examples of one task; its weights are loaded when the first one is answered.

    Attributes:
        name: of the system.
        task: as the system knows it: a Task-LM is told the instruction it was trained with.
        identity: id of everything that decides on an answer but the input.
        version: id of the run of a Task-LM, or of a linear model; empty for other systems.
        threshold: probability below which an answer is unsure; None for a system that knows none.
        in_production_since: day on which a Task-LM that answers because it was promoted was promoted.
    """

    name: System
    task: Task
    identity: str
    version: str = ""
    threshold: AnswerThreshold | None = None
    in_production_since: str = ""
    _load: Callable[[], AnswerRows] = field(kw_only=True)
    _prompt: Callable[[Example], str] | None = field(default=None, kw_only=True)

    @cached_property
    def _loaded(self) -> AnswerRows:
        return self._load()

    def answer(self, examples: Sequence[Example], on_rows: OnRows = lambda _: None) -> list[Answer]:
        """Answer every example, in order; their outputs are not read. One that cannot be answered has `error` set."""
        return self._loaded(examples, on_rows)

    def ask(self, text: str, language: Language | None = None) -> TaskAnswer:
        """Answer one input.

        Args:
            language: of the input; detected from its script unless given.

        Raises:
            DataError: the text is empty, is no text, or is longer than the model's context.
            ConfigError: the task does not speak the language.
        """
        example = Example(input=usable_text(text), output="", language=language_in(self.task, text, language))
        (answer,) = self.answer([example])
        if answer.error is not None:
            fix = "shorten the text; `check` says how long the rows are that it was trained on"
            raise DataError(f"no answer: {answer.error}", where=f"task {self.task.name}", fix=fix)
        return self.judged(example, answer)

    def prompt(self, text: str, language: Language | None = None) -> str:
        """The prompt of an input as the model reads it; empty for a system without a language model. Errors as `ask`."""
        if self._prompt is None:
            return ""
        return self._prompt(Example(input=usable_text(text), output="", language=language_in(self.task, text, language)))

    def judged(self, example: Example, answer: Answer) -> TaskAnswer:
        """An answer with what is known of it: whether it is unsure, and the rules it breaks."""
        language = self.task.language_of(example.language)
        broken = violations_of(self.task, example, answer.output)
        if answer.truncated:
            what = "回答达到长度上限而被截断。" if language == "zh" else "the answer was truncated at the length limit"
            broken.append(AnswerViolation(rule="truncated", what=what))
        return TaskAnswer(
            task=self.task.name,
            system=self.name,
            version=self.version,
            in_production_since=self.in_production_since,
            language=language,
            answer=answer.output,
            probability=answer.probability,
            probabilities=answer.probabilities,
            unsure=self.threshold.is_unsure(answer.probability) if self.threshold else None,
            threshold=self.threshold,
            violations=broken,
        )


def violations_of(task: Task, example: Example, output: str) -> list[AnswerViolation]:
    """Faults of a text as the answer to an example, each in a sentence in the example's language."""
    language = task.language_of(example.language)
    found = task.violations(example.input, output, language)
    return [AnswerViolation(rule=one.rule, what=(one.zh if language == "zh" else "") or str(one)) for one in found]


def ask(
    workspace: Workspace,
    task: str,
    text: str,
    *,
    system: str = "",
    language: Language | None = None,
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
) -> TaskAnswer:
    """Answer one input of a task; see `AnsweringSystem.ask`, and `open_system` for many inputs."""
    (asked,) = workspace.tasks([task])
    language_in(asked, usable_text(text), language)  # before anything is loaded
    return open_system(workspace, task, system, settings, on_event).ask(text, language)


def open_system(
    workspace: Workspace, task: str, system: str = "", settings: Settings | None = None, on_event: OnEvent | None = None
) -> AnsweringSystem:
    """A system that answers many inputs of a task and stays in memory; see `system_for`.

    Raises:
        ConfigError: there is no such task, system or version.
        EvaluationError: the task has no Task-LM yet.
    """
    (asked,) = workspace.tasks([task])
    return system_for(TrainingContext.begin(workspace, settings, on_event), asked, system)


def usable_text(text: str) -> str:
    """An input without white space around it; DataError where it is empty or no text."""
    try:
        require_clean(text)
    except RowError as error:
        raise DataError(f"this text cannot be answered: {error.detail}", fix="give plain text") from None
    if not text.strip():
        raise DataError("the text is empty", fix="give it in quotes after the task, with --file, or on standard input")
    return text.strip()


def language_in(task: Task, text: str, language: Language | None) -> Language | None:
    """The language an input is answered in: the given one, else that of its letters, if the task speaks several.

    Raises:
        ConfigError: the task does not speak the given language.
    """
    if language is not None and language not in task.languages:
        fix = f"leave --language out, or add an instruction in {language} and train again"
        raise ConfigError(f"task {task.name} has no instruction in {language}", where="--language", fix=fix)
    if language is None and len(task.languages) > 1:
        return likelier_language(text)
    return language


def system_for(context: TrainingContext, task: Task, name: str = "") -> AnsweringSystem:
    """A system that answers inputs of a task.

    Args:
        context: takes over the training settings of the Task-LM, so that the same base model in the same precision answers.
        name: `tuned`, `action` or `mixed` for the Task-LM trained last of that granularity, `base`, `few_shot`, `linear`,
            `nearest`, `constant`, or the beginning of the id of a training run or Task-LM. Empty: the promoted Task-LM of
            the task; where none was promoted, the newest one, else its Action-LM, else the Mixed-LM.

    Raises:
        ConfigError: there is no such system or version, or several versions begin like this.
        EvaluationError: there is no Task-LM yet, or the promoted one is gone.
    """
    if name in SIMPLE:
        return _simple_system(context, task, name)
    if not name and (in_production := production_run(context.workspace, task)) is not None:
        system, run, promotion = in_production
        return replace(_task_lm(context, task, system, run), in_production_since=promotion.day)
    current = dict(last_runs(context.workspace, task, TASK_LMS))
    if name in {"base", "few_shot"}:
        for run in list(current.values())[:1]:
            take_over_settings(context, run)  # the base model of a comparison is that of the Task-LM
        chosen = (base_system if name == "base" else few_shot_system)(context, task, context.dataset(task))
        return _language_model(context, chosen)
    if name in {"", *TASK_LMS}:
        found = next(((system, run) for system, run in current.items() if name in {"", system}), None)
        if found is None:
            raise no_task_lm(context, task, name)
    else:
        found = version_of(context.workspace, task, name)
    return _task_lm(context, task, *found)


def _task_lm(context: TrainingContext, task: Task, name: System, run: Run) -> AnsweringSystem:
    take_over_settings(context, run)
    trained = read_task_lm(adapter_folder(context.workspace.project, run))
    if edited := task.changed_since(trained.task(task.name)):
        it = " and ".join(edited)
        context.note(f"{task.name}: {it} in domain.yaml changed since the Task-LM was trained; it answers as it was trained")
    system = task_lm_system(context, task.name, name, run)
    return _language_model(context, system, run.id, trained.thresholds.get(task.name))


def _language_model(
    context: TrainingContext, system: EvaluatedSystem, version: str = "", threshold: AnswerThreshold | None = None
) -> AnsweringSystem:
    batch_tokens = context.settings.eval.batch_tokens

    model = cache(lambda: predictor(context.base, system))

    def answer(examples: Sequence[Example], on_rows: OnRows) -> list[Answer]:
        return model().answer(examples, batch_tokens=batch_tokens, on_rows=on_rows)

    identity = content_id(identifying(context, system))
    name, task = system.name, system.task
    return AnsweringSystem(
        name, task, identity, version, threshold, _load=lambda: answer, _prompt=lambda example: model().prompt_text(example)
    )


def _simple_system(context: TrainingContext, task: Task, name: str) -> AnsweringSystem:
    """A simple baseline fitted on the task's training rows."""
    system: System = next(known for known in SIMPLE if known == name)
    splits = context.dataset(task).splits
    train = splits.get("train", [])[: context.settings.train.max_train_rows]
    if not train:
        fix = f"import some: {context.workspace.project.command('import', 'FILE', '--task', task.name)}"
        raise DataError(f"task {task.name} has no training rows", where=f"data/{task.name}", fix=fix)
    version, threshold = "", None
    model: ConstantAnswer | NearestRow | LinearModel
    if system == "linear":
        model, dev = linear_model(context, task, train), splits.get("dev", [])
        version = model.manifest.id
        if task.output.single_choice:
            threshold = answer_threshold(dev, model.answer(dev) if dev else [])
    else:
        model = (ConstantAnswer if system == "constant" else NearestRow).of(task, train)
    identity = content_id([task.name, system, task.definition, task.scored_by, [row.id for row in train], __version__])

    def answer(examples: Sequence[Example], on_rows: OnRows) -> list[Answer]:
        on_rows(len(examples))
        return model.answer(examples)

    return AnsweringSystem(system, task, identity, version, threshold, _load=lambda: answer)


def version_of(workspace: Workspace, task: Task, prefix: str, option: str = "--with") -> tuple[System, Run]:
    """The run whose id, or the id of whose Task-LM, begins with `prefix`; ConfigError if it is not exactly one.

    Args:
        option: of the command line, that the prefix was given by.
    """
    runs = list(all_versions(workspace, task))
    project = workspace.project
    ids = {run.id: read_task_lm(adapter_folder(project, run)).id for _, run in runs}
    found = [(system, run) for system, run in runs if run.id.startswith(prefix) or ids[run.id].startswith(prefix)]
    if len(found) == 1:
        return found[0]
    if found:
        what, fix = f"several versions begin with {prefix!r}", f"give more of it: {', '.join(run.id for _, run in found)}"
    else:
        what = f"there is no system and no version {prefix!r} of task {task.name}"
        fix = nearest(prefix, [*OWN_SYSTEMS, *(run.id for _, run in runs)])
    raise ConfigError(what, where=option, fix=fix)


def no_task_lm(context: TrainingContext, task: Task, name: str) -> EvaluationError:
    """The error that a task has no Task-LM of this name yet, with what to do."""
    project = context.workspace.project
    granularity = ("--granularity", name) if name in {"action", "mixed"} else ()
    kind = {"action": "Action-LM", "mixed": "Mixed-LM"}.get(name, "Task-LM")
    fix = f"train it: {project.command('tune', *(() if granularity else (task.name,)), *granularity)}"
    if _linear_not_beaten(context.workspace, task):
        fix += "; in the last report the linear model was not beaten: answer with it by --with linear"
    else:
        fix += "; or answer with the base model: --with base"
    return EvaluationError(f"task {task.name} has no {kind} yet", where=str(project.root), fix=fix)


def _linear_not_beaten(workspace: Workspace, task: Task) -> bool:
    if read_ref(workspace.project.reports) is None:
        return False
    compared = [one for report in load_report(workspace).tasks if report.task == task.name for one in report.comparisons]
    return any(one.against == "linear" and one.verdict != "better" for one in compared)
