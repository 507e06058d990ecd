"""The verbs a project begins with: which packs there are, and making a folder from one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from anytasktune.cli.console import DONE, UsageError, print_json
from anytasktune.cli.options import Json

if TYPE_CHECKING:
    from anytasktune.packs.contents import PackSummary
    from anytasktune.records import Language


def packs(as_json: Json = False) -> int:
    """List the Task Pools that come with the program, each with its rows."""
    from dataclasses import asdict

    from anytasktune.cli import show
    from anytasktune.packs import pack_names
    from anytasktune.packs.contents import summarise

    summaries = [summary for summary in map(summarise, pack_names()) if summary.tasks]
    if as_json:
        print_json([asdict(summary) for summary in summaries])
    else:
        show.show(show.packs(summaries))
    return DONE


def init(
    folder: Annotated[Path, typer.Argument(help="A new folder, or one without a domain.yaml.")],
    demo: Annotated[bool, typer.Option("--demo", help="Start from the built-in example, with its rows.")] = False,
    pack: Annotated[str | None, typer.Option("--pack", help="Start from this pack; `anytasktune packs` lists them.")] = None,
    language: Annotated[
        Literal["en", "zh", "both"], typer.Option("--language", help="Which of the pack's languages to take.")
    ] = "both",
    as_json: Json = False,
) -> int:
    """Make a project folder: domain.yaml to fill in and train.yaml; from a pack also its tasks, rows and card."""
    from anytasktune.packs.contents import summarise
    from anytasktune.pipeline import init_project

    if demo and pack:
        raise UsageError("--demo and --pack exclude each other", fix="give one of them")
    chosen = pack or ("demo" if demo else "empty")
    if chosen == "empty" and language != "both":
        raise UsageError("--language chooses from a pack, and none is named", fix="add --pack NAME")
    only: Language | None = None if language == "both" else language
    project = init_project(folder, pack=chosen, language=only)
    if as_json:
        print_json({"project": str(project.root), "domain": str(project.domain_file), "pack": chosen})
        return DONE
    place = f'"{folder}"' if " " in str(folder) else str(folder)
    if chosen == "empty":
        typer.echo(f"✓ {folder}: describe a task in {folder / 'domain.yaml'}, then")
        typer.echo(f"    anytasktune import ROWS --task NAME -p {place}")
        return DONE
    typer.echo(_started(folder, summarise(chosen), only))
    typer.echo(f"    anytasktune tune -p {place}")
    return DONE


def _started(folder: Path, pack: "PackSummary", only: "Language | None") -> str:
    from anytasktune.models.catalog import DEFAULT_MODEL
    from anytasktune.pipeline.initializing import model_for

    taken = {language: rows for language, rows in pack.rows.items() if only in (None, language)}
    counts = " and ".join(f"{rows} {language}" for language, rows in taken.items())
    lines = [f"✓ {folder}: {pack.tasks} tasks with {counts} rows"]
    if (folder / "CARD.md").exists():
        lines.append(f"  {folder / 'CARD.md'} says how they were made and what they must not be used for")
    if only == "zh":
        lines.append(f"  train.yaml names {model_for('zh')}, which speaks Chinese and comes from a model hub")
        lines.append(f"  {DEFAULT_MODEL} needs no hub, but speaks English")
    elif "zh" in taken:
        lines.append(f"  {DEFAULT_MODEL} speaks English; for Chinese set model: {model_for('zh')} in train.yaml")
    return "\n".join([*lines, "  now:"])
