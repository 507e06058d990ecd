"""Answers as people read them in a terminal."""

from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from anytasktune.cli.messages import phrase
from anytasktune.errors import counted
from anytasktune.schema import AnswerThreshold, TaskAnswer
from anytasktune.schema.action_run import ActionResult
from anytasktune.schema.route import RoutedAnswer

if TYPE_CHECKING:
    from anytasktune.pipeline import Predicted

_SHOWN_LABELS, _SHOWN_TASKS, _SHOWN_ROWS = 5, 3, 10


def answer_lines(answer: TaskAnswer) -> RenderableType:
    """The answer on its own line; below it probabilities, whether it is unsure and why, and its violations."""
    lines = [Text(answer.answer, style="bold")]
    likeliest = sorted((answer.probabilities or {}).items(), key=lambda item: -item[1])
    width = max((len(label) for label, _ in likeliest[:_SHOWN_LABELS]), default=0)
    lines += [Text(f"  {label:<{width}}  {share:.3f}", style="dim") for label, share in likeliest[:_SHOWN_LABELS]]
    if hidden := likeliest[_SHOWN_LABELS:]:
        lines.append(phrase(f"  … and {len(hidden)} more (all with --json)", style="dim"))
    if answer.probability is not None:
        said = f"{'unsure: ' if answer.unsure else ''}{_evidence(answer.threshold)}"
        lines.append(phrase(f"  {said}", style="yellow" if answer.unsure else "dim"))
    lines += [phrase(f"  ! {broken.rule}: {broken.what}", style="yellow") for broken in answer.violations]
    if answer.in_production_since:
        lines.append(phrase(f"  version {answer.version}, in production since {answer.in_production_since}", style="dim"))
    return Group(*lines)


def routed_lines(found: RoutedAnswer) -> RenderableType:
    """The task that was chosen, or the reason why none was and what answered instead; below it the answer."""
    route = found.route
    likeliest = ", ".join(f"{task} {share:.3f}" for task, share in islice(route.probabilities.items(), _SHOWN_TASKS))
    if found.answer is not None:
        return Group(phrase(f"→ task {found.answer.task} ({likeliest})", style="dim"), answer_lines(found.answer))
    reason = "unlike the inputs of all tasks" if route.abstained == "unlike_pool" else "not sure which task it is for"
    answered = f"answered by {'the base model, ' if found.answered_by == 'base' else ''}{found.model}"
    return Group(phrase(f"→ no task: {reason} ({likeliest}); {answered}", style="yellow"), Text(found.text, style="bold"))


def _evidence(threshold: AnswerThreshold | None) -> str:
    """Share of right dev answers above the threshold, or the reason why none is known."""
    unknown = "whether it is unsure is not known"
    if threshold is None:
        return f"{unknown}: newly trained Task-LMs and linear models of label tasks have a threshold for that"
    if threshold.dev_rows < threshold.FEWEST_DEV_ROWS:
        return f"{unknown}: dev has {counted(threshold.dev_rows, 'row')}, {threshold.FEWEST_DEV_ROWS} are needed"
    if threshold.probability is None:
        return f"no threshold gives {threshold.target:.0%} right answers on dev"
    counts = f"{threshold.right} of {threshold.answered} were right"
    return f"the threshold is {threshold.probability:.3f}; of the dev rows answered with at least that, {counts}"


def account_lines(done: "Predicted") -> RenderableType:
    """Counts of a file that was answered, the file that was written, and the first rows without an answer."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in done.not_answered.items())
    missing = f"not answered {len(done.missing)}" + (f" ({reasons})" if reasons else "")
    lines = [phrase(f"✓ {done.task}: read {done.read}, answered {done.answered}, {missing}", style="bold")]
    lines.append(phrase(f"  {done.out}, columns {', '.join(done.columns.values())}"))
    if done.in_production_since:
        lines.append(phrase(f"  version {done.version}, in production since {done.in_production_since}"))
    facts = [f"{counted(done.unsure, 'answer')} unsure"] if done.unsure is not None else []
    facts += [_evidence(done.threshold)] if done.threshold else []
    facts += [f"{counted(done.with_violations, 'answer')} with violations"] if done.with_violations else []
    lines += [phrase(f"  {'; '.join(facts)}")] if facts else []
    lines += [phrase(f"  note: {note}", style="yellow") for note in done.notes]
    lines += [
        phrase(f"  {row.file}:{row.row}: {row.reason}, {row.detail}", style="yellow") for row in done.missing[:_SHOWN_ROWS]
    ]
    if hidden := len(done.missing) - _SHOWN_ROWS:
        lines += [phrase(f"  … and {hidden} more (all with --json)", style="yellow")] if hidden > 0 else []
    return Group(*lines)


def account_of(done: "Predicted") -> dict[str, Any]:
    """The same as a JSON document."""
    rows = [row.model_dump() for row in done.missing]
    threshold = done.threshold.model_dump() if done.threshold else None
    return asdict(done) | {"out": str(done.out), "missing": rows, "threshold": threshold, "notes": list(done.notes)}


def action_lines(done: ActionResult, resume: str) -> RenderableType:
    """Every step of an action with its answer; below, what happens next."""
    lines: list[Text] = []
    for line in done.steps:
        item = "" if line.item is None else f" {line.item + 1}"
        by = f" ({line.decision.replace('_', ' ')} by a person)" if line.decision else ""
        lines.append(phrase(f"{line.position + 1} {line.step}{item}{by}", style="dim"))
        if line.not_run:
            lines.append(phrase(f"  not run: {line.not_run}", style="yellow"))
        shown = line.output if line.output is not None else line.answer.answer if line.answer else None
        lines += [Text(f"  {part}", style="bold") for part in (shown or "").splitlines()]
        lines += [phrase("  unsure: below the threshold", style="yellow")] if line.answer and line.answer.unsure else []
        lines += [phrase(f"  ! {broken.rule}: {broken.what}", style="yellow") for broken in line.violations]
    if done.status == "waiting":
        lines.append(phrase(f"✋ step {done.steps[-1].step} waits for a person. To continue in a terminal:", style="yellow"))
        lines.append(Text(f"  {resume}"))
        lines.append(phrase("  without one: add --approve, --answer TEXT or --reject"))
    elif done.status == "rejected":
        lines.append(phrase(f"✗ a person rejected step {done.steps[-1].step}; the action ended there", style="yellow"))
    else:
        lines.append(phrase(f"✓ {done.run.action}: action run {done.run.id}", style="dim"))
    return Group(*lines)
