"""The verbs that make data sets: `ingest`, `synth`, `augment`, `gate`, `build`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from anytasktune.cli.console import DONE, ROWS_DROPPED, print_json
from anytasktune.cli.options import Json, Overrides, ProjectFolder, TaskNames

if TYPE_CHECKING:
    from anytasktune.pipeline.build_context import BuildOptions
    from anytasktune.pipeline.building import Built
    from anytasktune.pipeline.candidate_runs import GatedCandidates, Made
    from anytasktune.pipeline.workspace import Settings, Workspace

Documents = Annotated[
    Path | None, typer.Option("--documents", "-d", help="A folder of documents; the project's documents/ unless given.")
]
TeacherName = Annotated[
    str | None,
    typer.Option("--teacher", help="The model that writes and judges; OPENAI_BASE_URL says where, OPENAI_API_KEY who asks."),
]
Languages = Annotated[Literal["en", "zh"] | None, typer.Option("--language", help="Make rows in this language only.")]
Record = Annotated[Path | None, typer.Option("--record", help="Write requests and answers to this file, without keys.")]
Replay = Annotated[Path | None, typer.Option("--replay", help="Take answers from such a file, and ask nobody.")]


def ingest(
    documents: Annotated[Path | None, typer.Argument(help="A folder; the project's documents/ unless given.")] = None,
    project: ProjectFolder = Path(),
    overrides: Overrides = None,
    as_json: Json = False,
) -> int:
    """Read documents (PDF, Word, PowerPoint, Excel, EPUB, web pages, text) and cut them into passages."""
    from anytasktune.cli.progress import Display
    from anytasktune.pipeline.ingesting import ingest_documents
    from anytasktune.pipeline.workspace import Workspace

    workspace = Workspace.open(project)
    with Display(silent=as_json) as display:
        passages = ingest_documents(workspace.project, documents, workspace.settings(overrides or ()).ingest, display)
    if as_json:
        print_json(passages.manifest.model_dump(mode="json"))
    else:
        typer.echo(f"Passages: {workspace.project.passages / passages.manifest.id / 'passages.jsonl'}")
    skipped = any(info.status == "skipped" and info.reason != "duplicate" for info in passages.manifest.documents)
    return ROWS_DROPPED if skipped else DONE


def synth(
    tasks: TaskNames = None,
    project: ProjectFolder = Path(),
    teacher: TeacherName = None,
    documents: Documents = None,
    language: Languages = None,
    record: Record = None,
    replay: Replay = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> int:
    """Let a teacher write new rows: from documents, from the rows there are, and from the task alone."""
    from anytasktune.cli.progress import Display
    from anytasktune.pipeline.building import synth as synthesise

    workspace, settings, options = _opened(project, overrides, teacher, _options(documents, language, record, replay))
    with Display(silent=as_json) as display:
        made = synthesise(workspace, tasks or (), settings, display, options)
    return _show_made(workspace, made, as_json)


def augment(
    tasks: TaskNames = None,
    project: ProjectFolder = Path(),
    teacher: TeacherName = None,
    language: Languages = None,
    record: Record = None,
    replay: Replay = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> int:
    """Make variants of the rows there are whose answers are verified; `-c enhancements=[…]` says which."""
    from anytasktune.cli.progress import Display
    from anytasktune.pipeline.building import augment as enhance

    workspace, settings, options = _opened(project, overrides, teacher, _options(None, language, record, replay))
    with Display(silent=as_json) as display:
        made = enhance(workspace, tasks or (), settings, display, options)
    return _show_made(workspace, made, as_json)


def gate(
    tasks: TaskNames = None,
    project: ProjectFolder = Path(),
    teacher: TeacherName = None,
    documents: Documents = None,
    record: Record = None,
    replay: Replay = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> int:
    """Send what was made through the gates; what is dropped is kept with its reason."""
    from anytasktune.cli.progress import Display
    from anytasktune.pipeline.building import gate as send_through

    workspace, settings, options = _opened(project, overrides, teacher, _options(documents, None, record, replay))
    with Display(silent=as_json) as display:
        gated = send_through(workspace, tasks or (), settings, display, options)
    if as_json:
        print_json([one.manifest.model_dump(mode="json") for one in gated])
    for one in [] if as_json else gated:
        typer.echo(f"{one.manifest.task}: {workspace.project.gated(one.manifest.task) / one.manifest.id}")
    return _code_of_gates(gated)


def build(
    tasks: TaskNames = None,
    project: ProjectFolder = Path(),
    teacher: TeacherName = None,
    documents: Documents = None,
    language: Languages = None,
    record: Record = None,
    replay: Replay = None,
    overrides: Overrides = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what asking the teacher would take, and ask nobody.")] = False,
    as_json: Json = False,
) -> int:
    """From documents, rows and a teacher to frozen data sets. Killed, the same command goes on and pays nothing twice."""
    from anytasktune.cli import show_making
    from anytasktune.cli.progress import Display
    from anytasktune.cli.show import show
    from anytasktune.pipeline.building import build as build_all

    workspace, settings, options = _opened(project, overrides, teacher, _options(documents, language, record, replay))
    if dry_run:
        return _show_forecast(workspace, tasks, settings, options, as_json)
    with Display(silent=as_json) as display:
        built = build_all(workspace, tasks or (), settings, display, options)
    if as_json:
        print_json([_fields(one) for one in built])
    else:
        show(show_making.built(workspace.project, built), whole_lines=True)
    return _code_of_gates([one.gated for one in built])


def _show_forecast(
    workspace: "Workspace", tasks: list[str] | None, settings: "Settings", options: "BuildOptions", as_json: bool
) -> int:
    from dataclasses import asdict

    from anytasktune.cli.progress import Display
    from anytasktune.pipeline.building import forecast_build

    with Display(silent=as_json) as display:
        found = forecast_build(workspace, tasks or (), settings, display, options)
    if as_json:
        print_json({name: asdict(one) for name, one in found.items()})
    else:
        typer.echo("Nobody was asked (--dry-run).")
    return DONE


def _options(
    documents: Path | None, language: Literal["en", "zh"] | None, record: Path | None, replay: Path | None
) -> "BuildOptions":
    from anytasktune.pipeline.build_context import BuildOptions

    return BuildOptions(documents, (language,) if language else (), record, replay)


def _opened(
    project: Path, overrides: list[str] | None, teacher: str | None, options: "BuildOptions"
) -> "tuple[Workspace, Settings, BuildOptions]":
    from anytasktune.pipeline.workspace import Workspace

    workspace = Workspace.open(project)
    named = [f"teacher={teacher}"] if teacher else []
    return workspace, workspace.settings([*(overrides or ()), *named]), options


def _show_made(workspace: "Workspace", made: "list[Made]", as_json: bool) -> int:
    if as_json:
        print_json([one.manifest.model_dump(mode="json") for one in made])
    for one in [] if as_json else made:
        typer.echo(f"{one.manifest.task}: {workspace.project.candidates(one.manifest.task) / one.manifest.id}")
    return ROWS_DROPPED if any(one.failed for one in made) else DONE


def _code_of_gates(gated: "list[GatedCandidates]") -> int:
    return ROWS_DROPPED if any(one.manifest.counts.dropped or one.manifest.counts.failed for one in gated) else DONE


def _fields(built: "Built") -> dict[str, object]:
    gated, dataset = built.gated.manifest, built.dataset.manifest
    return {
        "task": built.task,
        "counts": gated.counts.model_dump(),
        "gated": gated.model_dump(mode="json"),
        "dataset": dataset.model_dump(mode="json"),
    }
