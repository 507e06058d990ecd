"""Options that many verbs have."""

from pathlib import Path
from typing import Annotated, Literal

import typer

ProjectFolder = Annotated[Path, typer.Option("--project", "-p", help="The project's folder.")]
Granularity = Annotated[
    Literal["task", "action", "mixed", "all"],
    typer.Option("--granularity", "-g", help="One Task-LM per task, one per action, one for all tasks mixed, or all of these."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Overrides = Annotated[
    list[str] | None, typer.Option("-c", metavar="KEY=VALUE", help="Change a setting, e.g. -c epochs=3. Repeatable.")
]
TaskNames = Annotated[list[str] | None, typer.Argument(metavar="[TASK]...", help="Which tasks; all of them if none is named.")]
