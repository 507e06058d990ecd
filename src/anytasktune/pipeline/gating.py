"""`gate`: candidates → those that may teach, and the reasons why the others may not; an equal run is reused."""

from collections import Counter
from collections.abc import Sequence

from anytasktune.errors import DataError
from anytasktune.gates.gate import GateContext
from anytasktune.gates.llm_judge import judge_candidates
from anytasktune.gates.run_gates import Gated, apply_judge, run_gates
from anytasktune.ids import content_id
from anytasktune.pipeline.build_context import BuildContext, BuildOptions, Sources
from anytasktune.pipeline.candidate_runs import GATED_CANDIDATES, CandidateRun, GatedCandidates, Passages
from anytasktune.pipeline.events import Finished, Meter, OnEvent
from anytasktune.pipeline.existing_candidates import in_words
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import JUDGE, GatedSet, Passage, Task, TeacherUsage
from anytasktune.settings import Settings
from anytasktune.store import LATEST, find_or_make, hash_of_rows, write_ref
from anytasktune.version import __version__


def gate(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
    options: BuildOptions | None = None,
) -> list[GatedCandidates]:
    """Send the latest candidates of each task through the gates.

    Raises:
        AnyTaskTuneError: for anything the user can mend.
    """
    context = BuildContext.begin(workspace, settings, on_event, options, task_names)
    with context.alone("gate", task_names):
        found = [gate_candidates(context, task) for task in workspace.tasks(task_names)]
        for gated in found:
            write_ref(workspace.project.gated(gated.manifest.task), LATEST, gated.manifest.id)
        return found


def gate_candidates(context: BuildContext, task: Task) -> GatedCandidates:
    """Send the candidates of a task through the gates; the reference to the latest result stays as it is.

    Each run is gated once: a later run is compared with the candidates that passed before.

    Raises:
        DataError: there are no candidates, or none that may be used now.
        EndpointError: the judge cannot be asked.
    """
    sources, existing = context.sources(task), context.existing(task)
    if not existing.runs:
        command = context.workspace.project.command
        fix = f"generate some: {command('synth', task.name)}, or {command('augment', task.name)}"
        reasons = "; ".join(in_words(reason, count) for reason, count in existing.set_aside.items())
        raise DataError(f"there are no candidates{f': {reasons}' * bool(reasons)}", where=f"task {task.name}", fix=fix)
    first, *others = existing.runs
    gated, made = _gate_run(context, sources, first, None)
    for run in others:
        gated, made = _gate_run(context, sources, run, gated)
    counts = gated.manifest.counts
    context.on_event(
        Finished(
            stage="gate",
            name=task.name,
            artifact=gated.manifest.id,
            reused=not made,
            detail=f"{counts.kept} of {counts.kept + sum(counts.dropped.values())} kept",
            kept=counts.kept,
            dropped=counts.dropped,
        )
    )
    return gated


def _gate_run(
    context: BuildContext, sources: Sources, run: CandidateRun, earlier: GatedCandidates | None
) -> tuple[GatedCandidates, bool]:
    """The result for a run and the earlier ones together, and whether it was made just now."""
    task, splits = sources.task, sources.splits
    config, teacher = context.settings.gates, context.settings.teacher
    judge = (teacher.judge or teacher.name) if context.has_teacher and config.judge_threshold > 0 else ""
    before = earlier.manifest if earlier else None
    own = {name: sorted(row.id for row in rows) for name, rows in splits.items()}
    gated_ids = [before.id if before else "", run.manifest.id]
    inputs = content_id([gated_ids, task.model_dump(), own, config.model_dump(), judge, __version__])

    def make() -> GatedCandidates:
        if not judge and config.judge_threshold > 0:
            context.note(f"{task.name}: candidates were not judged, because no teacher is named")
        Meter(context.on_event, "gate", task.name, len(run.candidates))
        passages = _passages(context, run)
        known = GateContext(splits.get("train", ()), splits.get("dev", ()), splits.get("test", ()), passages)
        known_gated = Gated.restored(earlier.kept, earlier.dropped, earlier.verdicts) if earlier else Gated()
        gated = run_gates(task, run.candidates, known, config, known_gated if earlier else None)
        spent, asked = context.spent, context.answers_so_far()
        if judge:
            gated = _apply_judge(context, task, gated)
        gated = known_gated.followed_by(gated)
        kept = [item.candidate for item in gated.kept]
        failed = Counter(before.counts.failed if before else {}) + Counter(one.reason for one in run.failed)
        sha256, counts = hash_of_rows(kept), gated.counts(failed)
        usage = context.usage_of(context.answers_since(asked), spent)
        manifest = GatedSet(
            id=content_id([inputs, sha256, counts.model_dump()]),
            task=task.name,
            candidate_sets=[*(before.candidate_sets if before else []), run.manifest.id],
            counts=counts,
            sha256=sha256,
            judge=judge,
            own_rows=content_id(own),
            config=config,
            code_version=__version__,
            usage=TeacherUsage.total([before.usage, usage]) if before else usage,
        )
        return GatedCandidates(manifest, kept, [item.candidate for item in gated.dropped], list(gated.verdicts))

    def is_judged(gated: GatedCandidates) -> bool:
        """Whether the judge scored all it was asked about; else another run may get the missing answers."""
        return not any(verdict.gate == JUDGE and verdict.score is None for verdict in gated.verdicts)

    folder = context.workspace.project.gated(task.name)
    return find_or_make(folder, GATED_CANDIDATES, inputs, make, latest=None, reusable=is_judged, note=context.note)


def _passages(context: BuildContext, run: CandidateRun) -> list[Passage]:
    """The passages of today and those the run was made from, which may have been read from other documents."""
    today = context.passages.rows if context.passages else []
    folder = context.workspace.project.passages / (run.manifest.passages or "")
    return [*today, *(Passages.load(folder).rows if run.manifest.passages and folder.exists() else [])]


def _apply_judge(context: BuildContext, task: Task, gated: Gated) -> Gated:
    """The result without the candidates that the judge marks too low."""
    config, left = context.settings.gates, [item.candidate for item in gated.kept]
    meter = Meter(context.on_event, "judge", task.name, len(left))

    def on_progress(done: int, total: int) -> None:
        meter.update(done, total, str(context.spent))

    marks = judge_candidates(context.judge, task, left, config, on_progress)
    placed = [mark.model_copy(update={"position": item.position}) for mark, item in zip(marks, gated.kept, strict=True)]
    return apply_judge(gated, placed, config)
