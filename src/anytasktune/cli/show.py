"""Results as people read them in a terminal."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from anytasktune.models import ModelListing
from anytasktune.pipeline import CheckedTask, Imported, TaskPlan
from anytasktune.quality import TokenView

_SHOWN_ROWS = 10


def show(renderable: RenderableType) -> None:
    """Print on standard output."""
    Console(highlight=False).print(renderable)


def imported(result: Imported, root: Path) -> RenderableType:
    """Counts, notes, and the first dropped rows with reason and place."""
    lines = [Text(f"✓ {result.task}: {result.counts}", style="bold")]
    if result.added_task:
        lines.append(Text("  added to domain.yaml: read it over, the instruction is what the model will be told"))
    lines += [Text(f"  {count} rows → {_relative(path, root)}") for path, count in result.kept.items()]
    lines += [Text(f"  note: {note}", style="yellow") for note in result.notes]
    for row in result.dropped[:_SHOWN_ROWS]:
        lines.append(Text(f"  dropped {row.file}:{row.row} {row.reason}: {row.detail}", style="yellow"))
    if len(result.dropped) > _SHOWN_ROWS:
        lines.append(Text(f"  … and {len(result.dropped) - _SHOWN_ROWS} more (all with --json)", style="yellow"))
    return Group(*lines)


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def checked(result: CheckedTask) -> RenderableType:
    """One task: counts, three rows token by token, and what would block training."""
    look = result.preflight
    rows = ", ".join(f"{count} {split}" for split, count in look.rows.items())
    facts = f"{rows} rows · longest {look.longest} tokens · {look.trained_share:.0%} of tokens trained"
    parts: list[RenderableType] = [Text(result.task, style="bold"), Text(facts, style="dim")]
    for number, sample in enumerate(result.samples, 1):
        parts += [Text(f"train row {number}", style="dim"), tokens(sample), Text("")]
    verdict = Text("✓ every row teaches the task", style="green")
    if look.problems:
        bad = sum(len(ids) for ids in look.bad.values())
        verdict = Text(f"✗ {bad} rows would teach the wrong thing", style="bold red")
    return Group(*parts, verdict, Text(""))


def tokens(sample: Sequence[TokenView]) -> Text:
    """Tokens apart by `|`: trained ones green, the others grey."""
    line = Text()
    for view in sample:
        visible = view.text.replace("\n", "⏎\n")
        line.append(visible, style="bold green" if view.trained else "dim")
        line.append("|", style="dim")
    return line


def plans(rows: Sequence[TaskPlan]) -> RenderableType:
    """What training would take."""
    table = Table(box=None, pad_edge=False)
    for heading in ("task", "train/dev/test", "steps", "rate", "rank", "shared prefix", "tokens", "without sharing"):
        table.add_column(heading, justify="left" if heading == "task" else "right")
    for row in rows:
        splits = "/".join(str(row.rows.get(split, 0)) for split in ("train", "dev", "test"))
        steps = "already trained" if row.trained else f"{row.steps} ({row.epochs:g} epochs)"
        numbers = (
            f"{row.learning_rate:.1e}",
            str(row.rank),
            str(row.prefix_tokens),
            f"{row.tokens:,}",
            f"{row.plain_tokens:,}",
        )
        table.add_row(row.task, splits, steps, *numbers)
    return Group(table, Text("Nothing was trained (--dry-run).", style="dim"))


def models(listing: Sequence[ModelListing]) -> RenderableType:
    """The models we name."""
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "languages", "size", "download", "licence", "here", ""):
        table.add_column(heading)
    for entry in listing:
        here = "yes" if entry.cached else "-"
        size = f"{entry.download_mb:,} MB"
        table.add_row(entry.name, ", ".join(entry.languages), entry.parameters, size, entry.licence, here, entry.note)
    return table
