"""Candidates of one task → those that may teach, and the reasons why the others may not."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from anytasktune.errors import DataError
from anytasktune.gates.gate import GateContext
from anytasktune.gates.llm_judge import judge_candidates
from anytasktune.gates.run_gates import Gated, apply_judge, run_gates
from anytasktune.ids import content_id
from anytasktune.pipeline.build_context import BuildContext, Sources
from anytasktune.pipeline.candidate_runs import GatedCandidates, Made, hash_of_records, load_gated, load_made, save_gated
from anytasktune.pipeline.generating import counted, used
from anytasktune.schema import GatedSet, Task, TeacherUsage
from anytasktune.store import LATEST, read_ref, write_ref
from anytasktune.version import __version__


def gate_task(making: BuildContext, task: Task, made: Sequence[Made] = ()) -> GatedCandidates:
    """Send candidates through the gates; the latest that were made, unless some are given.

    Raises:
        DataError: there are no candidates, or they were made while other test rows were sealed.
        EndpointError: the judge cannot be asked.
    """
    sources = making.sources(task)
    sets = list(made) or _latest(making, sources)
    judge = _judge_of(making)
    inputs = _inputs(making, sources, sets, judge)
    folder = making.workspace.project.gated(task.name)
    if found := read_ref(folder, f"from-{inputs}"):
        write_ref(folder, LATEST, found)
        return _told(making, load_gated(folder / found), built=False)
    if not judge and making.settings.gates.judge_threshold > 0:
        making.listener.note(f"{task.name}: no judge was asked, because no teacher is named")
    candidates = [candidate for one in sets for candidate in one.candidates]
    making.listener.making("gate", task.name, 0, len(candidates))
    gated = run_gates(task, candidates, _context(making, sources), making.settings.gates)
    marked = _judged(making, sources, gated) if judge else _Marked(gated)
    result = _recorded(making, sets, inputs, judge, marked)
    save_gated(folder / result.manifest.id, result)
    for name in (LATEST, *([f"from-{inputs}"] if marked.whole else [])):
        write_ref(folder, name, result.manifest.id)
    return _told(making, result, built=True)


def _judge_of(making: BuildContext) -> str:
    asked = making.has_teacher and making.settings.gates.judge_threshold > 0
    return (making.settings.teacher.judge or making.settings.teacher.name) if asked else ""


def _inputs(making: BuildContext, sources: Sources, sets: Sequence[Made], judge: str) -> str:
    held_against = sorted(row.id for row in [*sources.train, *sources.dev, *sources.test])
    task, config = sources.task.model_dump(), making.settings.gates.model_dump()
    made = [one.manifest.id for one in sets]
    return content_id([made, sources.seal.id, task, held_against, config, judge, __version__])


@dataclass(frozen=True)
class _Marked:
    """What is left after a judge.

    Attributes:
        usage: what the judge took.
        whole: whether it marked all.
    """

    gated: Gated
    usage: TeacherUsage = field(default_factory=TeacherUsage)
    whole: bool = True


def _recorded(making: BuildContext, sets: Sequence[Made], inputs: str, judge: str, marked: _Marked) -> GatedCandidates:
    gated = marked.gated
    kept = [item.candidate for item in gated.kept]
    counts = gated.counts(counted([failure for one in sets for failure in one.failed]))
    sha256 = hash_of_records(kept)
    manifest = GatedSet(
        id=content_id([inputs, sha256, counts.model_dump()]),
        task=sets[0].manifest.task,
        candidate_sets=[one.manifest.id for one in sets],
        counts=counts,
        sha256=sha256,
        judge=judge,
        config=making.settings.gates,
        code_version=__version__,
        usage=marked.usage,
    )
    return GatedCandidates(manifest, kept, [item.candidate for item in gated.dropped], list(gated.verdicts))


def _latest(making: BuildContext, sources: Sources) -> list[Made]:
    task, folder = sources.task, making.workspace.project.candidates(sources.task.name)
    found = [
        load_made(folder / identity) for stage in ("synth", "augment") if (identity := read_ref(folder, f"latest-{stage}"))
    ]
    if not found:
        fix = f"make some: anytasktune synth {task.name}, or anytasktune augment {task.name}"
        raise DataError("there are no candidates", where=f"task {task.name}", fix=fix)
    usable = [one for one in found if one.manifest.seal == sources.seal.id]
    if not usable:
        fix = f"make them again: anytasktune synth {task.name}; what the teacher answered before is not paid again"
        raise DataError("the candidates were made while other test rows were sealed", where=f"task {task.name}", fix=fix)
    return usable


def _context(making: BuildContext, sources: Sources) -> GateContext:
    passages = making.passages.rows if making.passages else ()
    return GateContext(train=sources.train, dev=sources.dev, test=sources.test, passages=passages)


def _judged(making: BuildContext, sources: Sources, gated: Gated) -> _Marked:
    """What is left after the judge, who is asked about what the other gates kept."""
    judge, task, config = making.judge, sources.task, making.settings.gates
    before = judge.usage

    def on_progress(done: int, total: int) -> None:
        making.listener.making("judge", task.name, done, total, making.spent())

    verdicts = judge_candidates(judge, task, [item.candidate for item in gated.kept], config, on_progress)
    placed = [verdict.model_copy(update={"position": gated.kept[verdict.position].position}) for verdict in verdicts]
    whole = all(verdict.score is not None for verdict in verdicts)
    return _Marked(apply_judge(gated, placed, config), used(judge, before), whole)


def _told(making: BuildContext, gated: GatedCandidates, *, built: bool) -> GatedCandidates:
    counts = gated.manifest.counts
    seen = counts.kept + sum(counts.dropped.values())
    making.listener.made("gate", gated.manifest.task, f"{counts.kept} of {seen} kept", lost=counts.dropped, built=built)
    return gated
