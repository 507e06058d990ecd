"""Options that several verbs share, and the project they name."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from anytasktune.pipeline import Settings, Workspace

ProjectFolder = Annotated[Path, typer.Option("--project", "-p", help="Project folder.")]
Granularity = Annotated[
    Literal["task", "action", "mixed", "all"],
    typer.Option(
        "--granularity",
        "-g",
        help="One Task-LM per task, one Action-LM per action, one Mixed-LM for all tasks, or all of these.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
ProgressForm = Annotated[
    Literal["text", "json"], typer.Option("--progress", help="Form of progress on standard error; json: one event per line.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "-c",
        metavar="SECTION.KEY=VALUE",
        help="Change a setting, e.g. -c train.epochs=3. Repeatable; `anytasktune schema Settings` lists all settings.",
    ),
]
UseOverrides = Annotated[
    list[str] | None,
    typer.Option(
        "-c",
        metavar="SECTION.KEY=VALUE",
        help="Change a setting, e.g. -c train.device=cpu. Repeatable; `anytasktune schema Settings` lists all settings.",
    ),
]
TaskNames = Annotated[list[str] | None, typer.Argument(metavar="TASK", help="Names of tasks; default: all.")]
ChosenTasks = Annotated[list[str] | None, typer.Argument(metavar="TASK", help="Names of tasks; or give --all.")]
ShownLanguage = Annotated[
    Literal["en", "zh"] | None, typer.Option("--language", help="Language of the output; default: that of messages.")
]
OneLanguage = Annotated[Literal["en", "zh"] | None, typer.Option("--language", help="Generate rows in this language only.")]
DocumentFolder = Annotated[
    Path | None, typer.Option("--documents", "-d", help="Folder of documents; default: documents/ in the project.")
]
TeacherName = Annotated[
    str | None,
    typer.Option("--teacher", help="Teacher model. OPENAI_BASE_URL is its endpoint, OPENAI_API_KEY the API key."),
]
Record = Annotated[Path | None, typer.Option("--record", help="Write requests and answers to this file, without keys.")]
Replay = Annotated[Path | None, typer.Option("--replay", help="Take answers from a recorded file; no requests are sent.")]

Force = Annotated[
    bool, typer.Option("--force", help="Overwrite files that this program did not write, or that were changed since.")
]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Begin anew with today's settings; candidates there are stay on disk, unused.")
]
Yes = Annotated[
    bool,
    typer.Option(
        "--yes",
        "-y",
        help="Agree that this command sends documents and rows to a model on another machine; personal data is masked unless "
        "settings say otherwise.",
    ),
]
YesToFallback = Annotated[
    bool,
    typer.Option(
        "--yes",
        "-y",
        help="Agree that inputs that fit no task go to router.fallback_url on another machine, with personal data masked.",
    ),
]


def open_project(
    folder: Path, tasks: Sequence[str] | None = None, overrides: Sequence[str] | None = None
) -> "tuple[Workspace, Settings]":
    """The project with its settings; a wrong folder, task or setting is reported before anything heavy is loaded.

    Args:
        tasks: names to look up; an empty list looks up all, which refuses an empty pool.
    """
    from anytasktune.pipeline.workspace import Workspace

    workspace = Workspace.open(folder)
    settings = workspace.settings(overrides or ())
    if tasks is not None:
        workspace.tasks(tasks)
    return workspace, settings
