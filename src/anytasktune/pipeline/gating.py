"""`gate`: candidates → those that may teach, and the reasons why the others may not; an equal run is reused."""

from collections import Counter
from collections.abc import Sequence

from anytasktune.errors import DataError
from anytasktune.gates.gate import GateContext
from anytasktune.gates.llm_judge import judge_candidates
from anytasktune.gates.run_gates import apply_judge, run_gates
from anytasktune.ids import content_id
from anytasktune.pipeline.build_context import BuildContext, BuildOptions, Sources
from anytasktune.pipeline.candidate_runs import GATED_CANDIDATES, CandidateRun, GatedCandidates
from anytasktune.pipeline.events import Finished, Meter, OnEvent
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import JUDGE, GatedSet, Task
from anytasktune.settings import Settings
from anytasktune.store import find_or_make, hash_of_rows, read_ref
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
    context = BuildContext.begin(workspace, settings, on_event, options)
    return [gate_candidates(context, task) for task in workspace.tasks(task_names)]


def gate_candidates(context: BuildContext, task: Task, runs: Sequence[CandidateRun] = ()) -> GatedCandidates:
    """Send candidates through the gates; those of the latest runs, unless some are given.

    Raises:
        DataError: there are no candidates, or they were made while other test rows were sealed.
        EndpointError: the judge cannot be asked.
    """
    sources, config, teacher = context.sources(task), context.settings.gates, context.settings.teacher
    runs = list(runs) or _latest_runs(context, sources)
    judge = (teacher.judge or teacher.name) if context.has_teacher and config.judge_threshold > 0 else ""
    run_ids = [run.manifest.id for run in runs]
    own = sorted(row.id for rows in sources.splits.values() for row in rows)
    inputs = content_id([run_ids, sources.seal.id, task.model_dump(), own, config.model_dump(), judge, __version__])

    def make() -> GatedCandidates:
        if not judge and config.judge_threshold > 0:
            context.note(f"{task.name}: candidates were not judged, because no teacher is named")
        candidates = [candidate for run in runs for candidate in run.candidates]
        Meter(context.on_event, "gate", task.name, len(candidates))
        splits, passages = sources.splits, context.passages.rows if context.passages else ()
        known = GateContext(splits.get("train", ()), splits.get("dev", ()), splits.get("test", ()), passages)
        gated = run_gates(task, candidates, known, config)
        before = context.spent
        if judge:
            left = [item.candidate for item in gated.kept]
            meter = Meter(context.on_event, "judge", task.name, len(left))
            verdicts = judge_candidates(
                context.judge, task, left, config, lambda done, total: meter.update(done, total, str(context.spent))
            )
            positions = [{"position": gated.kept[verdict.position].position} for verdict in verdicts]
            placed = [verdict.model_copy(update=at) for verdict, at in zip(verdicts, positions, strict=True)]
            gated = apply_judge(gated, placed, config)
        kept = [item.candidate for item in gated.kept]
        sha256, counts = hash_of_rows(kept), gated.counts(Counter(one.reason for run in runs for one in run.failed))
        manifest = GatedSet(
            id=content_id([inputs, sha256, counts.model_dump()]),
            task=task.name,
            candidate_sets=run_ids,
            counts=counts,
            sha256=sha256,
            judge=judge,
            config=config,
            code_version=__version__,
            usage=context.spent.since(before),
        )
        return GatedCandidates(manifest, kept, [item.candidate for item in gated.dropped], list(gated.verdicts))

    def is_judged(gated: GatedCandidates) -> bool:
        """Whether the judge scored all it was asked about; else another run may get the missing answers."""
        return not any(verdict.gate == JUDGE and verdict.score is None for verdict in gated.verdicts)

    gated, made = find_or_make(context.workspace.project.gated(task.name), GATED_CANDIDATES, inputs, make, reusable=is_judged)
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


def _latest_runs(context: BuildContext, sources: Sources) -> list[CandidateRun]:
    task, project = sources.task, context.workspace.project
    folder = project.candidates(task.name)
    found = [read_ref(folder, f"latest-{stage}") for stage in ("synth", "augment")]
    runs = [CandidateRun.load(folder / identity) for identity in found if identity]
    if not runs:
        fix = f"generate some: {project.command('synth', task.name)}, or {project.command('augment', task.name)}"
        raise DataError("there are no candidates", where=f"task {task.name}", fix=fix)
    usable = [run for run in runs if run.manifest.seal == sources.seal.id]
    if not usable:
        fix = f"generate them again: {project.command('synth', task.name)} (answers of the teacher are reused, not paid again)"
        raise DataError("the candidates were made while other test rows were sealed", where=f"task {task.name}", fix=fix)
    return usable
