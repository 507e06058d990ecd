"""Results as people read them in a terminal, or in a file, at 80 columns."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from anytasktune.cli.amounts import about, cost
from anytasktune.cli.messages import message, phrase, spoken
from anytasktune.cli.terminal import one_line
from anytasktune.errors import counted
from anytasktune.invocation import command

if TYPE_CHECKING:
    from anytasktune.pipeline import (
        Built,
        CatalogEntry,
        CheckedTask,
        CurvePlan,
        Finding,
        Imported,
        PackSummary,
        TaskPlan,
        TransferPlan,
        Workspace,
    )
    from anytasktune.pipeline.expected_answers import ExpectedAnswers
    from anytasktune.schema import Estimate
    from anytasktune.schema.action_evaluation import ActionEvaluation

_SHOWN_ROWS = 10
_SHOWN_TOKENS = 60
_LIMITS_SHOWN = 76
_LEARNED = "[[", "]]"
_NARROWEST, _GAP = 10, 2
"""Columns of a terminal that a folded text takes at least, and those between two columns of a table."""


class _FittedTable(Table):
    """A table whose numbers stay whole: where they do not fit side by side, each row is a paragraph."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        texts, numbers = ([column for column in self.columns if column.no_wrap is whole] for whole in (False, True))
        widths = [max(cell_len(str(cell)) for cell in (column.header, *column.cells)) + _GAP for column in numbers]
        if len(texts) * _NARROWEST + sum(widths) <= options.max_width:
            yield from super().__rich_console__(console, options)
            return
        for cells in zip(*(column.cells for column in (*texts, *numbers)), strict=True):
            yield Text("  ").join(Text(str(cell), style="bold") for cell in cells[: len(texts)])
            facts = (f"{column.header}\u00a0{cell}" for column, cell in zip(numbers, cells[len(texts) :], strict=True))
            yield Padding(phrase(", ".join(facts)), (0, 0, 0, _GAP))


def new_table(*columns: str, left: int = 1) -> Table:
    """A table without borders; the first `left` columns hold text, the others numbers.

    Where a name does not fit the width it is folded; numbers stay whole.
    """
    table = _FittedTable(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    for place, heading in enumerate(map(message, columns)):
        if place < left:
            table.add_column(heading, overflow="fold")
        else:
            table.add_column(heading, justify="right", no_wrap=True)
    return table


def imported(result: "Imported", root: Path) -> RenderableType:
    """Counts, notes, and the first dropped rows with reason and place."""
    lines = [phrase(f"✓ {result.task}: {result.counts}", style="bold")]
    if result.added_task:
        lines.append(phrase("  added to domain.yaml: read it over, the instruction is what the model will be told"))
    for path, count in result.files.items():
        place = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
        lines.append(phrase(f"  {place} has {counted(count, 'row')} now"))
    lines += [phrase(f"  note: {note}", style="yellow") for note in result.notes]
    for row in result.dropped[:_SHOWN_ROWS]:
        lines.append(phrase(f"  dropped {row.file}:{row.row}: {row.reason}, {row.detail}", style="yellow"))
    if len(result.dropped) > _SHOWN_ROWS:
        lines.append(phrase(f"  … and {len(result.dropped) - _SHOWN_ROWS} more (all with --json)", style="yellow"))
    return Group(*lines)


def checked(result: "CheckedTask") -> RenderableType:
    """One task: counts, three rows token by token, and what would block training."""
    look = result.preflight
    rows = ", ".join(f"{count} {split}" for split, count in look.rows.items())
    facts = f"{rows} rows · longest {counted(look.longest, 'token')} · {look.trained_share:.0%} of tokens trained"
    parts: list[RenderableType] = [Text(result.task, style="bold"), phrase(facts, style="dim")]
    if result.samples:
        parts.append(phrase(f"Tokens are separated by |. The model learns to write the text in {''.join(_LEARNED)}."))
    for number, sample in enumerate(result.samples, 1):
        views = [(view.text.replace("\n", "⏎\n"), view.trained) for view in sample]
        prompt, answer = ([text for text, trained in views if trained is wanted] for wanted in (False, True))
        if (hidden := len(prompt) - 2 * _SHOWN_TOKENS) > 0:
            prompt = [*prompt[:_SHOWN_TOKENS], f" … {hidden} tokens … ", *prompt[-_SHOWN_TOKENS:]]
        line = phrase("|".join(prompt), style="dim")
        line.append(_LEARNED[0] + "|".join(answer) + _LEARNED[1], style="bold not dim green")
        parts += [phrase(f"\ntrain row {number}", style="dim"), line]
    parts += [Text("")] if result.findings else []
    for finding in result.findings:
        parts.append(finding_lines(finding, "!", "bold yellow"))
    verdict = phrase("\n✓ every row can teach the task\n", style="green")
    if result.findings:
        warned = counted(len(result.findings), "warning")
        verdict = phrase(f"\n! every row can be trained on; {warned} above\n", style="yellow")
    if look.problems:
        verdict = phrase(
            f"\n✗ {look.bad_rows} of {counted(sum(look.rows.values()), 'row')} cannot be used as they are\n", style="bold red"
        )
    return Group(*parts, verdict)


def finding_lines(finding: "Finding", mark: str, style: str) -> Text:
    """A finding of a check: place, reason and code; below it the correction."""
    found = Text(f"{mark} ", style=style).append(f"{message(finding.place)}: ", style="default bold")
    found.append(f"{message(finding.why)} ", style="default not bold").append(f"[{finding.code}]", style="dim not bold")
    return found.append(f"\n  → {message(finding.instead)}", style="cyan not bold")


def plans(rows: Sequence["TaskPlan"], whole: "Estimate") -> RenderableType:
    """Cost of training, and of the answers that `eval` compares; `whole` is that of all Task-LMs that are not trained yet."""
    table = new_table("task", "train", "dev", "test", "steps", "epochs", "rate", "rank", "tokens", "shared")
    for row in rows:
        splits = [str(row.rows.get(split, 0)) for split in ("train", "dev", "test")]
        saved = f"{1 - row.tokens / row.plain_tokens:.0%}" if row.plain_tokens else "-"
        steps = message("done") if row.trained else str(row.steps)
        numbers = [steps, f"{row.epochs:.3g}", f"{row.learning_rate:.1e}", str(row.rank), f"{row.tokens:,}", saved]
        table.add_row(row.task, *splits, *numbers)
    left = sum(not row.trained for row in rows)
    remarks = ["tokens: read in all, without dev evaluations.", "shared: saved by reading the instruction once per step."]
    remarks += ["done: trained already."] if left < len(rows) else []
    remarks += [f"To train: {counted(left, 'Task-LM')}, {cost(whole)}."] if left else []
    remarks.append(f"To answer the held-out rows (eval, tune): about {about(sum(row.answer_seconds for row in rows))}.")
    return Group(table, phrase("\n".join([*remarks, "Nothing was trained (--dry-run)."]), style="dim"))


def curve_plans(rows: Sequence["CurvePlan"]) -> RenderableType:
    """Cost of learning curves, a line per task."""
    table = new_table("task", "training rows", "measured on", "trainings", "left", "tokens", "time", left=2)
    for row in rows:
        sizes, left = " ".join(str(count) for count in row.rows), row.trainings - row.trained
        cost_of = (f"{row.estimate.tokens:,}", message(about(row.estimate.seconds))) if left else ("-", "-")
        table.add_row(row.task, sizes, str(row.evaluated_rows), str(row.trainings), str(left), *cost_of)
    remark = "Each training on a part of the rows is kept; answering the measured rows comes on top."
    return Group(table, phrase(f"{remark}\nNothing was trained (--dry-run).", style="dim"))


def transfer_plans(rows: Sequence["TransferPlan"]) -> RenderableType:
    """Cost of measuring the transfer between languages, a line per task."""
    table = new_table("task", "trained on en", "zh", "measured on en", "zh", "trainings", "left", "tokens", "time")
    for row in rows:
        left = row.trainings - row.trained
        counts = [str(part[language]) for part in (row.train_rows, row.evaluated_rows) for language in ("en", "zh")]
        cost_of = (f"{row.estimate.tokens:,}", message(about(row.estimate.seconds))) if left else ("-", "-")
        table.add_row(row.task, *counts, str(row.trainings), str(left), *cost_of)
    remark = "Each training on one language is kept; answering the measured rows comes on top."
    return Group(table, phrase(f"{remark}\nNothing was trained (--dry-run).", style="dim"))


def expected(rows: Sequence["ExpectedAnswers"]) -> RenderableType:
    """Answers that an evaluation needs, per model and split: tasks, rows, rows to answer, time."""
    table = new_table("model", "rows of", "tasks", "rows", "to answer", "time")
    for model, split in dict.fromkeys((row.model, row.split) for row in rows):
        found = [row for row in rows if (row.model, row.split) == (model, split)]
        left, seconds = sum(row.rows for row in found if not row.known), sum(row.seconds for row in found)
        numbers = [str(len({row.task for row in found})), str(sum(row.rows for row in found)), str(left)]
        table.add_row(model, split, *numbers, message(about(seconds)) if left else "-")
    total = sum(row.seconds for row in rows)
    remarks = [f"In all: about {about(total)} on this machine." if total else "Everything is answered already."]
    return Group(table, phrase("\n".join([*remarks, "Nothing was answered (--dry-run)."]), style="dim"))


def models(listing: Sequence[tuple["CatalogEntry", bool]]) -> RenderableType:
    """The recommended models, each with a line on when to choose it."""
    width = max(len(entry.name) for entry, _ in listing)
    lines: list[Text] = []
    for entry, cached in listing:
        here = message("here" if cached else f"{entry.download_mb:,} MB to fetch")
        facts = f"  {entry.parameters:>5}  {', '.join(entry.languages):<6}  {entry.licence}  {here}"
        lines.append(Text(f"{entry.name:<{width}}", style="bold").append(facts, style="not bold"))
        lines.append(phrase(f"  {entry.note}", style="dim"))
    return Group(*lines)


def packs(summaries: Sequence["PackSummary"]) -> RenderableType:
    """The packs, each with its size and, in one line, its limits."""
    lines: list[Text] = []
    for pack in summaries:
        titles = " · ".join(dict.fromkeys(pack.title.values()))
        rows = ", ".join(f"{count} {language}" for language, count in pack.rows.items())
        lines.append(Text(pack.name, style="bold").append(f"  {titles}", style="not bold"))
        lines.append(phrase(f"  {counted(pack.actions, 'action')}, {counted(pack.tasks, 'task')}; rows: {rows}"))
        if limits := pack.limits.get(spoken()) or next(iter(pack.limits.values()), ""):
            lines.append(Text(f"  {one_line(limits, _LIMITS_SHOWN)}", style="dim"))
    lines.append(phrase(f"\n{command('init', '--pack', 'NAME', 'FOLDER')} [--language en|zh]  makes a project of one"))
    return Group(*lines)


def built(workspace: "Workspace", results: Sequence["Built"]) -> RenderableType:
    """The account of every candidate, and the data sets' places."""
    table = new_table("task", "planned", "failed", "dropped", "kept", "train", "dev", "test")
    for one in results:
        counts, splits = one.gated.manifest.counts, one.dataset.manifest.splits
        account = (counts.planned, sum(counts.failed.values()), sum(counts.dropped.values()), counts.kept)
        rows = (splits[name].rows if name in splits else 0 for name in ("train", "dev", "test"))
        table.add_row(one.task, *(str(number) for number in (*account, *rows)))
    remark = "planned = failed + dropped + kept; train, dev and test include the task's own rows."
    folder = workspace.project.datasets
    lines = [Text(f"{one.task}: {folder(one.task) / one.dataset.manifest.id / 'CARD.md'}") for one in results]
    names = [one.task for one in results]
    following = f"Next: {workspace.project.command('review', names[0])}\nthen: {workspace.project.command('tune', *names)}"
    return Group(table, phrase(remark, style="dim"), Text(), *lines, phrase(following, style="dim"))


def action_evaluation(found: "ActionEvaluation") -> RenderableType:
    """Scores of the steps; below, the first wrong steps, the gain from a right answer of each, and what is not known."""
    table = new_table("step", "metric", "rows", "score", "chain rows", "correct input", "predicted input", "difference", left=2)
    for step in found.steps:
        scores = [step.test_score, step.reference_input, step.predicted_input, step.difference]
        test, reference, predicted, difference = ("-" if score is None else f"{score.value:.3f}" for score in scores)
        table.add_row(step.step, step.metric, str(step.test_rows), test, str(step.chain_rows), reference, predicted, difference)
    lines: list[RenderableType] = [table, Text()]
    lines.append(
        phrase("score: on all test rows. difference: predicted minus correct input, on the rows of chains.", style="dim")
    )
    for step in found.steps:
        if (by := step.difference) is not None:
            reach = f"95 % {by.low:+.3f} to {by.high:+.3f}"
            lines.append(phrase(f"{step.step}: {by.value:+.3f} by the answers of earlier steps ({reach})"))
        for earlier, value in step.with_reference_of.items() if step.chain_rows else ():
            lines.append(phrase(f"  if {earlier} were always right: {value:.3f}"))
    if found.chains:
        wrong = ", ".join(f"{step} {count}" for step, count in found.first_wrong.items())
        right = f"all right in {found.all_right}"
        lines.append(phrase(f"{counted(found.chains, 'chain')}: {right}; first wrong step: {wrong}", style="bold"))
    lines += [phrase(f"! {note}", style="yellow") for note in found.notes]
    return Group(*lines)
