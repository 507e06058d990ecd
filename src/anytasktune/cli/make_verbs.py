"""The verbs that make data sets with a teacher model: `ingest`, `synth`, `augment`, `gate`, `build`."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from anytasktune.cli.console import DONE, ROWS_DROPPED, print_json, say, show
from anytasktune.cli.options import (
    DocumentFolder,
    Fresh,
    Json,
    OneLanguage,
    Overrides,
    ProgressForm,
    ProjectFolder,
    Record,
    Replay,
    TaskNames,
    TeacherName,
    Yes,
    open_project,
)

if TYPE_CHECKING:
    from anytasktune.cli.progress import Reporter
    from anytasktune.pipeline import Settings
    from anytasktune.pipeline.build_context import BuildOptions
    from anytasktune.pipeline.candidate_runs import CandidateRun, GatedCandidates
    from anytasktune.pipeline.workspace import Workspace


AllowFewer = Annotated[
    bool, typer.Option("--allow-fewer", help="Use the result even if it has fewer generated rows than the present data set.")
]


def ingest(
    documents: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="Folder; default: documents/ in the project.")
    ] = None,
    project: ProjectFolder = Path(),
    overrides: Overrides = None,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Read documents (PDF, Word, PowerPoint, Excel, EPUB, web pages, text) and cut them into passages."""
    workspace, settings = open_project(project, overrides=overrides)
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline.ingesting import ingest_documents

    with reporter(progress, workspace) as on_event:
        passages = ingest_documents(workspace.project, documents, settings.documents, on_event)
    if as_json:
        print_json(passages.manifest.model_dump(mode="json"))
    else:
        say(f"Passages: {workspace.project.passages / passages.manifest.id / 'passages.jsonl'}")
    skipped = any(info.status == "skipped" and info.reason != "duplicate" for info in passages.manifest.documents)
    return ROWS_DROPPED if skipped else DONE


def synth(
    tasks: TaskNames = None,
    project: ProjectFolder = Path(),
    teacher: TeacherName = None,
    documents: DocumentFolder = None,
    language: OneLanguage = None,
    record: Record = None,
    replay: Replay = None,
    fresh: Fresh = False,
    yes: Yes = False,
    overrides: Overrides = None,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Generate rows from documents, from existing rows and from the task alone."""
    workspace, settings, options = _open(project, tasks, overrides, teacher, documents, language, record, replay)
    options = replace(options, fresh=fresh)
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline import generating

    with reporter(progress, workspace) as on_event:
        runs = generating.synth(workspace, tasks or (), settings, on_event, _agreeing(options, yes, on_event))
    return _show_candidates(workspace, runs, as_json)


def augment(
    tasks: TaskNames = None,
    project: ProjectFolder = Path(),
    teacher: TeacherName = None,
    language: OneLanguage = None,
    record: Record = None,
    replay: Replay = None,
    yes: Yes = False,
    overrides: Overrides = None,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Generate variants of existing rows, with verified answers; -c augmentations=[…] chooses which."""
    workspace, settings, options = _open(project, tasks, overrides, teacher, None, language, record, replay)
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline import generating

    with reporter(progress, workspace) as on_event:
        runs = generating.augment(workspace, tasks or (), settings, on_event, _agreeing(options, yes, on_event))
    return _show_candidates(workspace, runs, as_json)


def gate(
    tasks: TaskNames = None,
    project: ProjectFolder = Path(),
    teacher: TeacherName = None,
    documents: DocumentFolder = None,
    record: Record = None,
    replay: Replay = None,
    yes: Yes = False,
    overrides: Overrides = None,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Filter generated rows; dropped rows are kept with the reason."""
    workspace, settings, options = _open(project, tasks, overrides, teacher, documents, None, record, replay)
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline import gating

    with reporter(progress, workspace) as on_event:
        gated = gating.gate(workspace, tasks or (), settings, on_event, _agreeing(options, yes, on_event))
    if as_json:
        print_json([one.manifest.model_dump(mode="json") for one in gated])
    for one in [] if as_json else gated:
        say(f"{one.manifest.task}: {workspace.project.gated(one.manifest.task) / one.manifest.id}")
    return _code_of_gates(gated)


def build(
    tasks: TaskNames = None,
    project: ProjectFolder = Path(),
    teacher: TeacherName = None,
    documents: DocumentFolder = None,
    language: OneLanguage = None,
    record: Record = None,
    replay: Replay = None,
    fresh: Fresh = False,
    allow_fewer: AllowFewer = False,
    yes: Yes = False,
    overrides: Overrides = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the expected cost; no requests are sent.")] = False,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Make data sets from documents, rows and a teacher: generate, filter, freeze. A killed build resumes and pays once."""
    workspace, settings, options = _open(project, tasks, overrides, teacher, documents, language, record, replay)
    options = replace(options, fresh=fresh, allow_fewer=allow_fewer)
    from anytasktune.cli import tables
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline import building

    if dry_run:
        with reporter(progress, workspace) as on_event:
            forecast = building.forecast_build(workspace, tasks or (), settings, on_event, options)
        if as_json:
            print_json({name: asdict(expected) for name, expected in forecast.items()})
        else:
            say("No requests were sent (--dry-run).")
        return DONE
    with reporter(progress, workspace) as on_event:
        built = building.build(workspace, tasks or (), settings, on_event, _agreeing(options, yes, on_event))
    if as_json:
        print_json(
            [
                {
                    "task": one.task,
                    "counts": one.gated.manifest.counts.model_dump(),
                    "gated": one.gated.manifest.model_dump(mode="json"),
                    "dataset": one.dataset.manifest.model_dump(mode="json"),
                }
                for one in built
            ]
        )
    else:
        show(tables.built(workspace, built), whole_lines=True)
    return _code_of_gates([one.gated for one in built])


def _open(
    project: Path,
    tasks: list[str] | None,
    overrides: list[str] | None,
    teacher: str | None,
    documents: Path | None,
    language: Literal["en", "zh"] | None,
    record: Path | None,
    replay: Path | None,
) -> "tuple[Workspace, Settings, BuildOptions]":
    """The project, its settings and options."""
    named = [f"teacher.name={teacher}"] if teacher else []
    workspace, settings = open_project(project, tasks or (), [*(overrides or ()), *named])
    from anytasktune.pipeline.build_context import BuildOptions

    return workspace, settings, BuildOptions(documents, (language,) if language else (), record, replay)


def _agreeing(options: "BuildOptions", yes: bool, events: "Reporter") -> "BuildOptions":
    """The options with consent to a teacher on another machine."""
    from anytasktune.cli.consent_question import agreement

    return replace(options, agreed=agreement(yes, events))


def _show_candidates(workspace: "Workspace", runs: "list[CandidateRun]", as_json: bool) -> int:
    if as_json:
        print_json([one.manifest.model_dump(mode="json") for one in runs])
    for one in [] if as_json else runs:
        say(f"{one.manifest.task}: {workspace.project.candidates(one.manifest.task) / one.manifest.id}")
    return ROWS_DROPPED if any(one.failed for one in runs) else DONE


def _code_of_gates(gated: "list[GatedCandidates]") -> int:
    return ROWS_DROPPED if any(one.manifest.counts.dropped or one.manifest.counts.failed for one in gated) else DONE
