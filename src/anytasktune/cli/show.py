"""Results as people read them in a terminal, or in a file, at 80 columns."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from anytasktune.cli.amounts import cost
from anytasktune.schema import Estimate
from anytasktune.text.plain_text import shorten
from anytasktune.training.preflight import TokenView

if TYPE_CHECKING:
    from anytasktune.models import ModelListing
    from anytasktune.packs.contents import PackSummary
    from anytasktune.pipeline import CheckedTask, Imported, TaskPlan

_SHOWN_ROWS = 10
_SHOWN_TOKENS = 60
_LIMITS_SHOWN = 76
_TRAINED = "[[", "]]"


def show(renderable: RenderableType, *, whole_lines: bool = False) -> None:
    """Print on standard output; with `whole_lines`, long lines go whole into a file or pipe, where they are searched."""
    console = Console(highlight=False)
    console.print(renderable, soft_wrap=whole_lines and not console.is_terminal)


def imported(result: "Imported", root: Path) -> RenderableType:
    """Counts, notes, and the first dropped rows with reason and place."""
    lines = [Text(f"✓ {result.task}: {result.counts}", style="bold")]
    if result.added_task:
        lines.append(Text("  added to domain.yaml: read it over, the instruction is what the model will be told"))
    lines += [Text(f"  {_relative(path, root)} has {count} rows now") for path, count in result.files.items()]
    lines += [Text(f"  note: {note}", style="yellow") for note in result.notes]
    for row in result.dropped[:_SHOWN_ROWS]:
        lines.append(Text(f"  dropped {row.file}:{row.row}: {row.reason}, {row.detail}", style="yellow"))
    if len(result.dropped) > _SHOWN_ROWS:
        lines.append(Text(f"  … and {len(result.dropped) - _SHOWN_ROWS} more (all with --json)", style="yellow"))
    return Group(*lines)


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def checked(result: "CheckedTask") -> RenderableType:
    """One task: counts, three rows token by token, and what would block training."""
    look = result.preflight
    rows = ", ".join(f"{count} {split}" for split, count in look.rows.items())
    facts = f"{rows} rows · longest {look.longest} tokens · {look.trained_share:.0%} of tokens trained"
    parts: list[RenderableType] = [Text(result.task, style="bold"), Text(facts, style="dim")]
    if result.samples:
        parts.append(Text(f"Tokens are parted by |. The model learns to write what stands in {''.join(_TRAINED)}."))
    for number, sample in enumerate(result.samples, 1):
        parts += [Text(f"\ntrain row {number}", style="dim"), tokens(sample)]
    verdict = Text("\n✓ every row can teach the task\n", style="green")
    if look.problems:
        verdict = Text(f"\n✗ {look.bad_rows} of {sum(look.rows.values())} rows cannot be used as they are\n", style="bold red")
    return Group(*parts, verdict)


def tokens(sample: Sequence[TokenView]) -> Text:
    """Tokens apart by `|`, the trained ones in `[[ ]]` and green; the middle of a long prompt is left out."""
    trained = [view for view in sample if view.trained]
    prompt = [view for view in sample if not view.trained]
    hidden = len(prompt) - 2 * _SHOWN_TOKENS
    if hidden > 0:
        note = TokenView(f" … {hidden} tokens … ", trained=False)
        prompt = [*prompt[:_SHOWN_TOKENS], note, *prompt[-_SHOWN_TOKENS:]]
    line = Text(_joined(prompt), style="dim")
    return line.append(_TRAINED[0] + _joined(trained) + _TRAINED[1], style="bold not dim green")


def _joined(views: Sequence[TokenView]) -> str:
    return "|".join(view.text.replace("\n", "⏎\n") for view in views)


def plans(rows: Sequence["TaskPlan"]) -> RenderableType:
    """What training would take."""
    from anytasktune.training.estimate import total

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("task", no_wrap=True)
    for heading in ("train", "dev", "test", "steps", "epochs", "rate", "rank", "tokens", "shared"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        splits = [str(row.rows.get(split, 0)) for split in ("train", "dev", "test")]
        saved = f"{1 - row.tokens / row.plain_tokens:.0%}" if row.plain_tokens else "-"
        steps = "done" if row.trained else str(row.steps)
        numbers = [steps, f"{row.epochs:.3g}", f"{row.learning_rate:.1e}", str(row.rank), f"{row.tokens:,}", saved]
        table.add_row(row.task, *splits, *numbers)
    remark = "tokens: read in all, without looks at dev. shared: saved by reading the instruction once per step."
    done = ["done: trained already."] if any(row.trained for row in rows) else []
    left = [Estimate(tokens=row.tokens, seconds=row.seconds, memory_bytes=row.memory_bytes) for row in rows if not row.trained]
    expected = [f"To train: {cost(len(left), total(left))}."] if left else []
    return Group(table, Text("\n".join([remark, *done, *expected, "Nothing was trained (--dry-run)."]), style="dim"))


def models(listing: Sequence["ModelListing"]) -> RenderableType:
    """The models we name, each with a line on when to choose it."""
    width = max(len(entry.name) for entry in listing)
    lines: list[Text] = []
    for entry in listing:
        here = "here" if entry.cached else f"{entry.download_mb:,} MB to fetch"
        facts = f"  {entry.parameters:>5}  {', '.join(entry.languages):<6}  {entry.licence}  {here}"
        lines.append(Text(f"{entry.name:<{width}}", style="bold").append(facts, style="not bold"))
        lines.append(Text(f"  {entry.note}", style="dim"))
    return Group(*lines)


def packs(summaries: Sequence["PackSummary"]) -> RenderableType:
    """The packs, each with its size and, in one line, its limits."""
    lines: list[Text] = []
    for pack in summaries:
        titles = " · ".join(dict.fromkeys(pack.title.values()))
        rows = ", ".join(f"{count} {language}" for language, count in pack.rows.items())
        lines.append(Text(pack.name, style="bold").append(f"  {titles}", style="not bold"))
        lines.append(Text(f"  {pack.actions} actions, {pack.tasks} tasks; rows: {rows}"))
        if limits := next(iter(pack.limits.values()), ""):
            lines.append(Text(f"  {shorten(limits, _LIMITS_SHOWN)}", style="dim"))
    lines.append(Text("\nanytasktune init --pack NAME FOLDER [--language en|zh]  makes a project of one"))
    return Group(*lines)
