"""Candidates of one task, from a teacher or by rule; what was made from the same things before is found, not made again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from anytasktune.errors import DataError, Problem
from anytasktune.ids import content_id
from anytasktune.llm import Teacher
from anytasktune.pipeline.build_context import BuildContext, Sources
from anytasktune.pipeline.candidate_runs import Made, hash_of_records, load_made, save_made
from anytasktune.pipeline.costing import expected, expected_in_words
from anytasktune.schema import Candidate, CandidateSet, Example, FailedCandidate, Feasibility, Task, TeacherUsage
from anytasktune.settings import Augmentation, SynthesisConfig
from anytasktune.store import read_record, read_ref, write_record, write_ref
from anytasktune.synthesis.candidates import augment, generate
from anytasktune.synthesis.drafts import Progress
from anytasktune.synthesis.feasibility import measure_feasibility
from anytasktune.text.plain_text import shorten
from anytasktune.version import __version__

Stage = Literal["synth", "augment"]
FEWEST_KNOWN = 8
"""With fewer rows whose answers are known, a teacher is not tried: their score would say nothing."""
_SHOWN = 160
PASSING = frozenset({"over_budget", "not_answered"})
"""Failures that another run may see gone: what has them is made again by the same command."""
_UNNAMED: tuple[Augmentation, ...] = ("paraphrase",)
"""The augmentations that are made if none is named."""


@dataclass(frozen=True)
class _Go:
    """One go of making candidates: what they are made of, and the id of that."""

    making: BuildContext
    sources: Sources
    stage: Stage
    rows: Sequence[Example]
    config: SynthesisConfig

    @property
    def inputs(self) -> str:
        sources, making = self.sources, self.making
        passages = [passage.id for passage in sources.passages] if self.stage == "synth" else []
        made_of = [sources.task.model_dump(), sources.seal.id, sorted(row.id for row in self.rows), passages]
        asked = [self.config.model_dump(), making.languages(sources.task), making.settings.teacher.name]
        return content_id([self.stage, made_of, asked, __version__])

    def found(self) -> Made | None:
        folder = self.making.workspace.project.candidates(self.sources.task.name)
        identity = read_ref(folder, f"from-{self.inputs}")
        return load_made(folder / identity) if identity else None

    def keep(self, candidates: list[Candidate], failed: list[FailedCandidate], usage: TeacherUsage) -> Made:
        """Write the candidates down; only what no other run could better is found the next time."""
        reasons = counted(failed)
        sha256 = hash_of_records(candidates)
        passages = self.making.passages if self.stage == "synth" else None
        manifest = CandidateSet(
            id=content_id([self.inputs, sha256, reasons]),
            task=self.sources.task.name,
            stage=self.stage,
            candidates=len(candidates),
            failed=reasons,
            sha256=sha256,
            teacher=self.making.settings.teacher.name,
            seal=self.sources.seal.id,
            passages=passages.manifest.id if passages else None,
            config=self.config,
            code_version=__version__,
            usage=usage,
        )
        made = Made(manifest, candidates, failed)
        folder = self.making.workspace.project.candidates(manifest.task)
        save_made(folder / manifest.id, made)
        write_ref(folder, f"latest-{self.stage}", manifest.id)
        if not PASSING & reasons.keys():
            write_ref(folder, f"from-{self.inputs}", manifest.id)
        return made


def synthesise_task(making: BuildContext, task: Task) -> Made:
    """New rows of a task by its teacher, which is tried on rows with known answers first.

    Raises:
        ConfigError: no teacher is named.
        DataError: the teacher fails on the known rows.
        EndpointError: it cannot be asked.
    """
    go = _Go(making, making.sources(task), "synth", making.sources(task).shown_train, making.settings.synthesis)
    if (made := go.found()) is not None:
        return _told(making, made, built=False)
    teacher = making.teacher
    making.listener.costing(task.name, expected_in_words(expected(making, task), making.settings.teacher))
    require_feasible(making, go.sources)
    before = teacher.usage

    def on_progress(progress: Progress) -> None:
        detail = f"{progress.failed} failed, {making.spent()}" if progress.failed else making.spent()
        making.listener.making("synth", f"{task.name}: {progress.stage}", progress.done, progress.total, detail)

    rows = generate(teacher, task, making.languages(task), go.rows, go.sources.passages, go.config, on_progress)
    return _told(making, go.keep(rows.candidates, rows.failed, used(teacher, before)), built=True)


def augment_task(making: BuildContext, task: Task, more: Sequence[Example] = ()) -> Made:
    """Augmentations of the task's train rows and of `more`, by its teacher; without one, only typing errors.

    Raises:
        ConfigError: no teacher is named, and each augmentation needs one.
        DataError: there are no rows to augment.
        EndpointError: the teacher cannot be asked.
    """
    sources = making.sources(task)
    rows = [*sources.shown_train, *more]
    if not rows:
        fix = f"import some: anytasktune import FILE --task {task.name}, or make some: anytasktune synth {task.name}"
        raise DataError("there are no train rows to augment", where=f"task {task.name}", fix=fix)
    config = making.settings.synthesis
    if not config.augmentations:
        config = config.model_copy(update={"augmentations": list(_UNNAMED)})
    go = _Go(making, sources, "augment", rows, config)
    if (made := go.found()) is not None:
        return _told(making, made, built=False)
    teacher = making.teacher if making.has_teacher or "typos" not in config.augmentations else None
    before = teacher.usage if teacher else TeacherUsage()

    def on_progress(progress: Progress) -> None:
        making.listener.making("augment", task.name, progress.done, progress.total, making.spent() if teacher else "")

    enhanced = augment(teacher, task, rows, config, on_progress)
    for way, reason in enhanced.left_out.items():
        making.listener.note(f"{task.name}: no {way}, {reason}")
    usage = used(teacher, before) if teacher else TeacherUsage()
    return _told(making, go.keep(enhanced.candidates, enhanced.failed, usage), built=True)


def require_feasible(making: BuildContext, sources: Sources) -> Feasibility | None:
    """Try the teacher on rows whose answers are known, once; None where there are too few of them.

    Raises:
        DataError: it does so badly that what it makes would teach the wrong thing, and `despite_feasibility` is off.
    """
    config, task = making.settings.synthesis, sources.task
    known = [*sources.shown_train, *sources.shown_dev]
    if config.feasibility_rows == 0:
        return None
    if len(known) < FEWEST_KNOWN:
        making.listener.note(f"{task.name}: {len(known)} rows with known answers are too few to try the teacher on")
        return None
    settings = config.model_dump(include={"feasibility_rows", "feasibility_threshold", "shots", "seed"})
    rows = [sorted(row.id for row in part) for part in (sources.shown_train, sources.shown_dev)]
    identity = content_id([task.model_dump(), making.settings.teacher.name, settings, rows, __version__])
    file = making.workspace.project.feasibility(task.name) / f"{identity}.json"
    built = not file.exists()
    if built:
        making.listener.making("try", f"{task.name}: teacher", 0, min(len(known), config.feasibility_rows), making.spent())
        write_record(file, measure_feasibility(making.teacher, task, known, config, sources.shown_train))
    found = read_record(file, Feasibility)
    if found.unanswered:
        file.unlink()  # another run may hear more
    detail = f"{found.score:.2f} [{found.low:.2f}, {found.high:.2f}] on {found.rows} known rows: {found.decision}"
    making.listener.made("try", f"{task.name}: {found.teacher}", detail, built=built)
    if found.decision == "stop" and not config.despite_feasibility:
        raise _not_feasible(found)
    return found


def _not_feasible(found: Feasibility) -> DataError:
    what = f"{found.teacher} scores {found.score:.2f} on rows you know the answers of; {found.threshold:g} is asked for"
    fix = "name a larger teacher, say more in the instruction, or go on all the same with -c despite_feasibility=true"
    wrong = [Problem(f"it got wrong: {row}", where=f"task {found.task}") for row in found.wrong[:3]]
    return DataError([*wrong, Problem(what, where=f"task {found.task}", fix=fix)])


def used(teacher: Teacher, before: TeacherUsage) -> TeacherUsage:
    """What was used since."""
    now = teacher.usage
    counts = {
        name: getattr(now, name) - getattr(before, name) for name in ("requests", "found", "prompt_tokens", "answer_tokens")
    }
    cost = None if now.cost is None else now.cost - (before.cost or 0.0)
    return now.model_copy(update={**counts, "cost": cost, "seconds": now.seconds - before.seconds})


def counted(failed: Sequence[FailedCandidate]) -> dict[str, int]:
    """Failures by reason."""
    reasons: dict[str, int] = {}
    for one in failed:
        reasons[one.reason] = reasons.get(one.reason, 0) + 1
    return dict(sorted(reasons.items()))


def _told(making: BuildContext, made: Made, *, built: bool) -> Made:
    manifest = made.manifest
    planned = manifest.candidates + sum(manifest.failed.values())
    spent = f", {making.spent()}" if built and making.has_teacher else ""
    detail = f"{manifest.candidates} of {planned} candidates{spent}"
    making.listener.made(manifest.stage, manifest.task, detail, lost=manifest.failed, built=built)
    if built and manifest.failed:
        most = max(manifest.failed, key=lambda reason: manifest.failed[reason])
        why = next((one.detail for one in made.failed if one.reason == most and one.detail), "")
        making.listener.note(f"  {most}, for instance: {shorten(why, _SHOWN)}" if why else f"  {most}")
    return made
