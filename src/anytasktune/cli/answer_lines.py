"""An answer as people read it in a terminal."""

from rich.console import Group, RenderableType
from rich.text import Text

from anytasktune.schema import TaskAnswer

_SHOWN_LABELS = 5


def answer_lines(given: TaskAnswer) -> RenderableType:
    """The answer on its own line; below it probabilities, whether it is unsure and why, and the rules it breaks."""
    lines = [Text(given.answer, style="bold")]
    likeliest = sorted((given.probabilities or {}).items(), key=lambda item: -item[1])
    width = max((len(label) for label, _ in likeliest[:_SHOWN_LABELS]), default=0)
    lines += [Text(f"  {label:<{width}}  {share:.3f}", style="dim") for label, share in likeliest[:_SHOWN_LABELS]]
    if hidden := likeliest[_SHOWN_LABELS:]:
        lines.append(Text(f"  … and {len(hidden)} more (all with --json)", style="dim"))
    if given.probability is not None:
        lines.append(Text(f"  {_certainty(given)}", style="yellow" if given.unsure else "dim"))
    lines += [Text(f"  ! {broken.rule}: {broken.what}", style="yellow") for broken in given.violations]
    return Group(*lines)


def _certainty(given: TaskAnswer) -> str:
    threshold = given.threshold
    if threshold is None:
        return "whether it is unsure is not known: thresholds are chosen for newly trained Task-LMs and for the linear model"
    if threshold.probability is None and threshold.dev_rows < threshold.FEWEST_DEV_ROWS:
        return f"whether it is unsure is not known: dev has {threshold.dev_rows} rows, {threshold.FEWEST_DEV_ROWS} are needed"
    if threshold.probability is None:
        return f"whether it is unsure is not known: at no probability were {threshold.target:.0%} of the answers to dev right"
    counts = f"{threshold.right} of {threshold.answered} were right"
    evidence = f"of the dev rows answered with at least {threshold.probability:.3f}, {counts}"
    return f"unsure: below the threshold; {evidence}" if given.unsure else evidence
