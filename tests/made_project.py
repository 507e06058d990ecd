"""Rows a teacher could have made for the task of `tiny_project`, gated, as they lie in a project."""

from collections.abc import Sequence
from pathlib import Path

from anytasktune.datasets import seal
from anytasktune.ids import content_id
from anytasktune.pipeline import Workspace
from anytasktune.pipeline.candidate_runs import (
    CANDIDATE_RUNS,
    GATED_CANDIDATES,
    PASSAGE_SETS,
    CandidateRun,
    GatedCandidates,
    Passages,
)
from anytasktune.pipeline.frozen_datasets import own_splits
from anytasktune.schema import (
    Candidate,
    CandidateCounts,
    CandidateSet,
    DocumentInfo,
    FailedCandidate,
    GatedSet,
    Origin,
    Passage,
    PassageSet,
    Span,
    TeacherUsage,
    Verdict,
)
from anytasktune.settings import DocumentsConfig, GateConfig, SplitConfig, SynthesisConfig
from anytasktune.store import hash_of_rows, save_artifact, write_record
from anytasktune.version import __version__
from tests.tiny_project import LABELS, team_rows

DOCUMENTS = tuple(f"handbook {number}.md" for number in range(10))
USAGE = TeacherUsage(requests=30, prompt_tokens=9000, answer_tokens=1200, cost=0.0213, currency="USD", seconds=4.0)


def passages(each: int = 4) -> list[Passage]:
    """Passages of all documents; every third is Chinese."""
    rows = []
    for place, document in enumerate(DOCUMENTS):
        start = 0
        for number in range(each):
            text = f"Section {number} of {document}. Rents fall due on day {number + 1}. Ask desk {place}."
            if number % 3 == 2:
                text = f"《{document}》第{number}节：租金应于每月{number + 1}日支付，由{place}号柜台办理。"
            span = Span(document=document, start=start, end=start + len(text))
            language = "zh" if number % 3 == 2 else "en"
            rows.append(
                Passage(span=span, text=text, language=language, page=number + 1, heading=("Part one", f"Section {number}"))
            )
            start += len(text) + 1
    return rows


def made_rows(count: int = 40, start: int = 1000) -> list[Candidate]:
    """One row per passage, then rows from nothing but the task."""
    found = passages()
    rows = []
    for number, row in enumerate(team_rows(count, start)):
        passage = found[number] if number < len(found) else None
        span = passage.span.model_copy(update={"end": passage.span.start + 20}) if passage else None
        origin = Origin(
            kind="passage" if passage else "task_only",
            teacher="tiny-teacher",
            prompts=(f"input.{row.language}@0badcafe", f"answer.{row.language}@12345678"),
            passage=passage.id if passage else None,
            span=span,
        )
        output, source = LABELS[number % 3], passage.span.document if passage else None
        rows.append(Candidate(input=row.input, output=output, language=row.language or "en", source=source, origin=origin))
    return rows


def write_made(
    folder: Path, kept: Sequence[Candidate] | None = None, dropped: Sequence[Candidate] = (), *, judge: str = ""
) -> str:
    """Seal the project's test rows and store candidates as if made and gated; the id of the gated set."""
    workspace = Workspace.open(folder)
    project, task = workspace.project, workspace.domain.tasks[0]
    kept = made_rows() if kept is None else list(kept)
    rows = passages()
    info = [DocumentInfo(document=name, sha256=content_id(name), bytes=1, passages=4) for name in DOCUMENTS]
    shared = {"code_version": __version__}
    passage_set = PassageSet(
        id=content_id([row.id for row in rows]),
        folder="documents",
        documents=info,
        passages=len(rows),
        sha256=hash_of_rows(rows),
        config=DocumentsConfig(),
        **shared,
    )
    save_artifact(project.passages, PASSAGE_SETS, Passages(passage_set, rows))
    sealed = seal({task.name: own_splits(workspace, task, SplitConfig())}, documents=dict.fromkeys(DOCUMENTS, 4))
    write_record(project.seals / f"{sealed.id}.json", sealed)
    candidates = [*kept, *dropped]
    failed = [FailedCandidate(reason="unusable_answer", origin=Origin(kind="task_only", teacher="tiny-teacher"))]
    made = CandidateSet(
        id=content_id([sealed.id, hash_of_rows(candidates)]),
        task=task.name,
        stage="synth",
        candidates=len(candidates),
        failed={"unusable_answer": 1},
        sha256=hash_of_rows(candidates),
        teacher="tiny-teacher",
        seal=sealed.id,
        passages=passage_set.id,
        config=SynthesisConfig(),
        usage=USAGE,
        **shared,
    )
    save_artifact(project.candidates(task.name), CANDIDATE_RUNS, CandidateRun(made, candidates, failed))
    counts = CandidateCounts(
        planned=len(candidates) + 1,
        kept=len(kept),
        dropped={"near_duplicate": len(dropped)} if dropped else {},
        failed={"unusable_answer": 1},
    )
    verdicts = [
        Verdict(candidate=row.id, position=len(kept) + number, gate="near_duplicate", passed=False)
        for number, row in enumerate(dropped)
    ]
    gated = GatedSet(
        id=content_id([made.id, hash_of_rows(kept)]),
        task=task.name,
        candidate_sets=[made.id],
        counts=counts,
        sha256=hash_of_rows(kept),
        judge=judge,
        config=GateConfig(),
        **shared,
    )
    save_artifact(project.gated(task.name), GATED_CANDIDATES, GatedCandidates(gated, kept, list(dropped), verdicts))
    return gated.id
