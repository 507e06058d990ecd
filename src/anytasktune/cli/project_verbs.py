"""The verbs a project begins with (`init`, `packs`, `models`, `doctor`), and `schema`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from anytasktune.cli.console import DONE, UsageError, print_json, say, show
from anytasktune.cli.messages import message
from anytasktune.cli.options import Json, ProjectFolder

_FACT_NAME = 14
"""Columns of a terminal for the name of a fact."""


def packs(as_json: Json = False) -> int:
    """List the packs: Task Pools with rows that come with the program."""
    from anytasktune.cli import tables
    from anytasktune.pipeline.initializing import list_packs

    summaries = list_packs()
    if as_json:
        print_json([asdict(summary) for summary in summaries])
    else:
        show(tables.packs(summaries))
    return DONE


def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder, or one without a domain.yaml.")],
    demo: Annotated[bool, typer.Option("--demo", help="Start from the built-in example, with its rows.")] = False,
    pack: Annotated[str | None, typer.Option("--pack", help="Start from this pack; `anytasktune packs` lists them.")] = None,
    language: Annotated[
        Literal["en", "zh", "both"], typer.Option("--language", help="Take the pack in one language, or in both.")
    ] = "both",
    as_json: Json = False,
) -> int:
    """Create a project folder: empty, or with the tasks, rows and card of a pack."""
    from anytasktune.pipeline.initializing import init_project, started

    if demo and pack:
        raise UsageError("--demo and --pack exclude each other", fix="give one of them")
    chosen = pack or ("demo" if demo else "empty")
    if chosen == "empty" and language != "both":
        raise UsageError("--language chooses from a pack, and no pack is named", fix="add --pack NAME")
    only = None if language == "both" else language
    project = init_project(folder, pack=chosen, language=only)
    if as_json:
        print_json({"project": str(project.root), "domain": str(project.domain_file), "pack": chosen})
        return DONE
    if chosen == "empty":
        lines = [f"describe a task in {folder / 'domain.yaml'}, then"]
        following = project.command("import", "ROWS", "--task", "NAME")
    else:
        lines = [*started(project, chosen, only), "Next:"]
        following = project.command("tune")
    say(f"✓ {folder}: " + "\n  ".join([*lines, f"  {following}"]))
    return DONE


def models(
    action: Annotated[
        Literal["list", "fetch"], typer.Argument(metavar="list|fetch", help="`list` them, or `fetch` one.")
    ] = "list",
    name: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="Model to fetch: alias, folder, .gguf, Hub id, modelscope:ID.")
    ] = None,
    as_json: Json = False,
) -> int:
    """List the recommended base models, or fetch one for offline use."""
    from anytasktune.cli import tables
    from anytasktune.pipeline.environment import DEFAULT_MODEL, list_models, resolve_model

    if action == "fetch":
        folder = resolve_model(name or DEFAULT_MODEL)
        print_json({"model": name or DEFAULT_MODEL, "folder": str(folder)}) if as_json else say(str(folder))
        return DONE
    listing = list_models()
    if as_json:
        print_json([asdict(entry) | {"cached": cached} for entry, cached in listing])
    else:
        show(tables.models(listing), whole_lines=True)
    return DONE


def doctor(
    gpu: Annotated[
        bool,
        typer.Option(
            "--gpu", help="Compare losses, gradients and answers of the GPU with those of the CPU, in under a minute."
        ),
    ] = False,
    project: ProjectFolder = Path(),
    as_json: Json = False,
) -> int:
    """Check whether this machine is ready and where a teacher answers; list what is missing and what to do."""
    if gpu:
        from anytasktune.cli.device_lines import show_device
        from anytasktune.pipeline.checking_gpu import check_gpu

        return show_device(check_gpu(), as_json=as_json)
    from rich.cells import set_cell_size

    from anytasktune.pipeline.environment import examine_machine

    facts = examine_machine(project)
    if as_json:
        print_json([asdict(fact) for fact in facts])
        return DONE
    for fact in facts:
        name = set_cell_size(message(fact.name), _FACT_NAME)
        say(f"{'!' if fact.advice else '✓'} {name} {message(fact.value)}")
        if fact.advice:
            say(f"  → {fact.advice}")
    return DONE


def schema(
    name: Annotated[
        str | None, typer.Argument(metavar="RECORD", help="One record, e.g. Domain or TrainConfig; default: all.")
    ] = None,
    _: Annotated[bool, typer.Option("--json", help="No effect: the output is JSON.")] = True,
) -> int:
    """Print the JSON Schema of every file the program reads or writes."""
    from anytasktune.pipeline.initializing import json_schemas

    print_json(json_schemas(name))
    return DONE
