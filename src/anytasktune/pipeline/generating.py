"""`synth` and `augment`: candidates of each task; an equal run is reused."""

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Literal

from anytasktune.errors import DataError, Problem, counted
from anytasktune.gates.llm_judge import expected_judgements
from anytasktune.ids import content_id
from anytasktune.llm.costs import Expected, expected_cost
from anytasktune.pipeline.build_context import BuildContext, BuildOptions, Sources
from anytasktune.pipeline.candidate_runs import CANDIDATE_RUNS, CandidateRun
from anytasktune.pipeline.events import Finished, Meter, OnEvent, Started
from anytasktune.pipeline.existing_candidates import TRANSIENT, Existing, augmentations_of, made_for
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema import Candidate, CandidateSet, Example, FailedCandidate, Feasibility, Task, UsedAnswer
from anytasktune.settings import Augmentation, Settings, SynthesisConfig
from anytasktune.store import find_artifact, find_or_make, hash_of_rows, record_kind
from anytasktune.synthesis import candidates as synthesis
from anytasktune.synthesis.candidate_plan import plan_augmentation
from anytasktune.synthesis.candidates import Candidates, places_of
from anytasktune.synthesis.cost_forecast import expected_feasibility, expected_questions
from anytasktune.synthesis.drafts import OnProgress, Progress
from anytasktune.synthesis.feasibility import measure_feasibility, tried_rows
from anytasktune.text.plain_text import shorten
from anytasktune.version import __version__

FEASIBILITY_TESTS = record_kind(Feasibility, lambda result: result.id)
FEWEST_KNOWN = 8
"""With fewer rows with known answers a teacher is not tried: the score would say nothing."""
_SHOWN = 160
_ROW_SETTINGS = ("inputs_from", "aimed_at", "samples", "least_agreement", "temperature", "shots", "seed")
"""Settings that make rows others."""
Done = Sequence[Candidate | FailedCandidate]
"""Planned rows that need not be planned again."""
_STEPS_OF_A_ROW = 2
"""An input and an answer, as `Slot.steps` counts them."""
_DEFAULT_AUGMENTATIONS: tuple[Augmentation, ...] = ("paraphrase",)


def synth(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
    options: BuildOptions | None = None,
) -> list[CandidateRun]:
    """Generate rows of each task with a teacher: from documents, from the task's own rows, and from the task alone.

    Raises:
        AnyTaskTuneError: for anything the user can mend.
    """
    context = BuildContext.begin(workspace, settings, on_event, options, task_names)
    with context.alone("synth", task_names):
        return [run for task in workspace.tasks(task_names) for run in generate_candidates(context, task)]


def augment(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
    options: BuildOptions | None = None,
) -> list[CandidateRun]:
    """Generate variants of each task's train rows.

    Raises:
        AnyTaskTuneError: for anything the user can mend.
    """
    context = BuildContext.begin(workspace, settings, on_event, options, task_names)
    with context.alone("augment", task_names):
        return [run for task in workspace.tasks(task_names) for run in augment_rows(context, task)]


def generate_candidates(context: BuildContext, task: Task) -> list[CandidateRun]:
    """Generate the rows of a task that it has not yet, with its teacher, which is tried on rows with known answers first.

    Returns:
        All runs whose candidates are kept, the oldest first.

    Raises:
        ConfigError: no teacher is named.
        DataError: the teacher fails on the known rows.
        EndpointError: it cannot be asked.
    """
    sources, config = context.sources(task), context.settings.synthesis

    def missing(done: Done) -> int:
        return _STEPS_OF_A_ROW * len(_missing_rows(context, task, done))

    def generate(done: Done, on_progress: OnProgress) -> tuple[Candidates, Sequence[str]]:
        teacher = context.teacher
        cost = expected(context, task).in_words(context.settings.teacher)
        context.on_event(Started(stage="teacher", name=task.name, detail=cost))
        tried = require_feasible(context, sources)
        rows, passages = sources.shown_train, sources.passages
        made = synthesis.generate(teacher, task, context.languages(task), rows, passages, config, on_progress, done)
        return made, tried.answers if tried else ()

    return _extended(context, sources, "synth", sources.shown_train, config, missing, generate)


def augment_rows(context: BuildContext, task: Task, generated: Sequence[Example] = ()) -> list[CandidateRun]:
    """Generate missing variants of the task's train rows and of `generated` rows; without a teacher only typing errors.

    Returns:
        All runs whose candidates are kept, the oldest first.

    Raises:
        ConfigError: no teacher is named, and each augmentation needs one.
        DataError: there are no rows.
        EndpointError: the teacher cannot be asked.
    """
    sources, config = context.sources(task), context.settings.synthesis
    rows = [*sources.shown_train, *generated]
    if not rows:
        command = context.workspace.project.command
        fix = f"import some: {command('import', 'FILE', '--task', task.name)}, or generate some: {command('synth', task.name)}"
        raise DataError("there are no train rows to augment", where=f"task {task.name}", fix=fix)
    if not config.augmentations:
        config = config.model_copy(update={"augmentations": list(_DEFAULT_AUGMENTATIONS)})
    has_teacher = context.has_teacher or "typos" not in config.augmentations

    def missing(done: Done) -> int:
        slots, left_out = plan_augmentation(task, rows, config, teacher=has_teacher, done=augmentations_of(done))
        for augmentation, reason in left_out.items():
            context.note(f"{task.name}: no {augmentation}, {reason}")
        return sum(slot.steps for slot in slots)

    def generate(done: Done, on_progress: OnProgress) -> tuple[Candidates, Sequence[str]]:
        teacher = context.teacher if has_teacher else None
        return synthesis.augment(teacher, task, rows, config, on_progress, augmentations_of(done)), ()

    return _extended(context, sources, "augment", rows, config, missing, generate)


def _extended(
    context: BuildContext,
    sources: Sources,
    stage: Literal["synth", "augment"],
    rows: Sequence[Example],
    config: SynthesisConfig,
    missing: Callable[[Done], int],
    generate: Callable[[Done, OnProgress], tuple[Candidates, Sequence[str]]],
) -> list[CandidateRun]:
    """The runs there are and, where rows are missing, one more: that of an equal command, or a new one; reports it."""
    task, teacher, existing = sources.task, context.settings.teacher.name, context.existing(sources.task)
    passages = sources.passages if stage == "synth" else ()
    made_of = [task.model_dump(), sources.seal.id, sorted(row.id for row in rows), [passage.id for passage in passages]]
    given = [stage, made_of, config.model_dump(), context.languages(task), teacher, __version__]
    last = existing.runs[-1].manifest if existing.runs else None
    if last and last.made_from == content_id([given, existing.ids[:-1]]) and TRANSIENT & last.failed.keys():
        existing.runs.pop()  # the same command again, which may get the missing answers
    inputs, done = content_id([given, existing.ids]), existing.done()
    steps = missing(done)
    _note_settings(context, existing, stage, config, has_more=steps > 0)
    if steps == 0 and existing.runs:
        same = [run for run in existing.runs if run.manifest.stage == stage]
        context.on_event(_finished(context, task, same, stage, reused=True))
        return existing.runs

    def make() -> CandidateRun:
        return _new_run(context, sources, existing, stage, inputs, config, steps, functools.partial(generate, done))

    run, made = find_or_make(
        context.workspace.project.candidates(task.name),
        CANDIDATE_RUNS,
        inputs,
        make,
        reusable=lambda run: not TRANSIENT & run.manifest.failed.keys(),
        note=context.note,
    )
    existing.runs.append(run)
    context.on_event(_finished(context, task, [run], stage, reused=not made))
    return existing.runs


def _new_run(
    context: BuildContext,
    sources: Sources,
    existing: Existing,
    stage: Literal["synth", "augment"],
    inputs: str,
    config: SynthesisConfig,
    steps: int,
    generate: Callable[[OnProgress], tuple[Candidates, Sequence[str]]],
) -> CandidateRun:
    """Generate the missing candidates; keep which answers were used and what they cost."""
    task, teacher = sources.task, context.settings.teacher.name
    meter = Meter(context.on_event, stage, task.name, steps)

    def on_progress(progress: Progress) -> None:
        facts = [progress.stage, *([f"{progress.failed} failed"] if progress.failed else [])]
        meter.update(progress.done, progress.total, ", ".join([*facts, *([str(context.spent)] if teacher else [])]))

    before, asked = context.spent, context.answers_so_far()
    generated, others = generate(on_progress)
    of_earlier = {answer.key for run in existing.runs for answer in run.answers}
    keys = (context.answers_since(asked) | set(others)) - of_earlier
    candidates, failed = generated.candidates, generated.failed
    sha256, reasons = hash_of_rows(candidates), dict(sorted(Counter(one.reason for one in failed).items()))
    manifest = CandidateSet(
        id=content_id([inputs, sha256, reasons]),
        task=task.name,
        stage=stage,
        candidates=len(candidates),
        failed=reasons,
        sha256=sha256,
        teacher=teacher,
        seal=sources.seal.id,
        passages=context.passages.manifest.id if stage == "synth" and context.passages else None,
        earlier=existing.ids,
        made_for=made_for(task),
        made_from=inputs,
        config=config,
        code_version=__version__,
        usage=context.usage_of(keys, before),
    )
    return CandidateRun(manifest, candidates, failed, [UsedAnswer(key=key) for key in sorted(keys)])


def _missing_rows(context: BuildContext, task: Task, done: Done) -> list[tuple[Language, int]]:
    """Language and place of the rows that are wanted and not there."""
    taken, rows = places_of(done), range(context.settings.synthesis.rows)
    return [(language, place) for language in context.languages(task) for place in rows if (language, place) not in taken]


def _note_settings(context: BuildContext, existing: Existing, stage: str, config: SynthesisConfig, *, has_more: bool) -> None:
    """Say which settings hold only for rows that are added, because rows made with others are kept."""
    last = next((run.manifest for run in reversed(existing.runs) if run.manifest.stage == stage), None)
    if last is None:
        return
    now, then = config.model_dump(mode="json"), last.config.model_dump(mode="json")
    changed = [f"{name} {now[name]} (was {then[name]})" for name in _ROW_SETTINGS if now[name] != then[name]]
    teacher = context.settings.teacher.name
    changed += [f"teacher {teacher} (was {last.teacher})"] if teacher != last.teacher else []
    if changed:
        anew = context.workspace.project.command("build", last.task, "--fresh")
        more = "" if has_more else f"; none are missing: ask for more with -c rows=N, or begin anew: {anew}"
        context.note(f"{last.task}: existing rows stay as they are, {', '.join(changed)} is for rows that are added{more}")


def _finished(
    context: BuildContext, task: Task, runs: Sequence[CandidateRun], stage: Literal["synth", "augment"], *, reused: bool
) -> Finished:
    candidates, failed = sum(len(run.candidates) for run in runs), [one for run in runs for one in run.failed]
    reasons = dict(sorted(Counter(one.reason for one in failed).items()))
    detail = f"{candidates} of {counted(candidates + len(failed), 'candidate')}"
    detail += f", {context.spent}" if context.has_teacher and not reused else ""
    most = max(reasons, key=lambda reason: reasons[reason], default="")
    why = next((one.detail for one in failed if one.reason == most and one.detail), "")
    return Finished(
        stage=stage,
        name=task.name,
        artifact=runs[-1].manifest.id if runs else "",
        reused=reused,
        detail=detail,
        kept=candidates,
        dropped=reasons,
        examples=(f"{most}, for instance: {shorten(why, _SHOWN)}",) if why and not reused else (),
    )


def require_feasible(context: BuildContext, sources: Sources) -> Feasibility | None:
    """Try the teacher on rows with known answers, once; None where there are too few of them.

    Raises:
        DataError: its score is so low that its rows would teach the wrong thing, and `despite_feasibility` is off.
    """
    config, task, teacher = context.settings.synthesis, sources.task, context.settings.teacher.name
    known = [*sources.shown_train, *sources.shown_dev]
    if config.feasibility_rows == 0:
        return None
    if len(known) < FEWEST_KNOWN:
        context.note(f"{task.name}: too few rows with known answers to try the teacher on: {len(known)}")
        return None
    inputs = _feasibility_id(context, sources)

    def make() -> Feasibility:
        Meter(context.on_event, "feasibility", task.name, min(len(known), config.feasibility_rows))
        before = context.answers_so_far()
        result = measure_feasibility(context.teacher, task, known, config, sources.shown_train)
        return result.model_copy(update={"id": inputs, "answers": sorted(context.answers_since(before))})

    folder = context.workspace.project.feasibility(task.name)
    found, made = find_or_make(
        folder,
        FEASIBILITY_TESTS,
        inputs,
        make,
        latest=None,
        reusable=lambda result: not result.unanswered,
        note=context.note,
    )
    detail = f"{found.score:.2f} [{found.low:.2f}, {found.high:.2f}] on {found.rows} known rows: {found.decision}"
    name = f"{task.name}: {found.teacher}"
    context.on_event(Finished(stage="feasibility", name=name, artifact=found.id, reused=not made, detail=detail))
    if found.decision == "stop" and not config.despite_feasibility:
        what = f"{teacher} scores {found.score:.2f} on rows with known answers; {found.threshold:g} is required"
        fix = "name a larger teacher, say more in the instruction, or continue anyway: -c despite_feasibility=true"
        wrong = [Problem(f"wrong answer: {row}", where=f"task {task.name}") for row in found.wrong[:3]]
        raise DataError([*wrong, Problem(what, where=f"task {task.name}", fix=fix)])
    return found


def _feasibility_id(context: BuildContext, sources: Sources) -> str:
    """Id of the test of this teacher on these rows."""
    rows = [sorted(row.id for row in part) for part in (sources.shown_train, sources.shown_dev)]
    names = {"feasibility_rows", "feasibility_threshold", "shots", "seed"}
    settings = context.settings.synthesis.model_dump(include=names)
    return content_id([sources.task.model_dump(), context.settings.teacher.name, settings, rows, __version__])


def expected(context: BuildContext, task: Task) -> Expected:
    """The cost and time of trying the teacher, generating the missing rows and judging them, if no answer could be reused.

    No requests are sent.
    """
    sources, config = context.sources(task), context.settings.synthesis
    train, languages = sources.shown_train, context.languages(task)
    done = context.existing(task).done()
    missing = _missing_rows(context, task, done)
    is_tried = find_artifact(
        context.workspace.project.feasibility(task.name), FEASIBILITY_TESTS, _feasibility_id(context, sources)
    )
    rows = [*train, *sources.shown_dev] if config.feasibility_rows and missing and not is_tried else []
    tried = tried_rows(task, rows, config) if len(rows) >= FEWEST_KNOWN else []
    asked = chain(
        expected_feasibility(task, train, tried, config),
        expected_questions(task, languages, train, sources.passages, config, places_of(done)),
        expected_judgements(task, train, len(missing), context.settings.gates),
    )
    return expected_cost(asked, context.settings.teacher, pace=context.pace)
