"""Result of a review, for the terminal and for programs."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from anytasktune.cli.review_words import word
from anytasktune.cli.tables import new_table
from anytasktune.cli.terminal import one_line
from anytasktune.pipeline.reviewing import ReviewSession
from anytasktune.records import Language
from anytasktune.schema import FEWEST_RATED, JUDGE, Agreement, ReviewItem, Task

_DECISIONS = ("accept", "edit", "reject")
_SHOWN_DISPUTES = 5
_LONGEST_INPUT = 70
_NEXT = 10


def greeting(session: ReviewSession, count: int, language: Language) -> Text:
    """Reviewer, task, and the number of candidates decided before."""
    said = word(language, "said", "begin", reviewer=session.reviewer, task=session.task.name, count=count)
    line = Text(said, style="dim")
    if session.decided:
        line.append("\n" + word(language, "said", "resumed", count=len(session.decided)))
    return line


def summary(session: ReviewSession, left: int, language: Language) -> RenderableType:
    """Counts of decisions, candidates left, the file, disputes."""
    counts = Counter[str](review.decision for review in session.decided.values())
    parts = [f"{word(language, 'decision', name)} {counts[name]}" for name in _DECISIONS if counts[name]]
    skipped = len(session.skipped)
    parts += [word(language, "end", "skipped", count=skipped)] if skipped else []
    detail = f" ({', '.join(parts)})" if parts else ""
    total = counts.total()
    said = word(language, "end", "decided", task=session.task.name, reviewer=session.reviewer, count=total, detail=detail)
    lines = [Text(said, style="bold")]
    lines.append(Text("  " + (word(language, "end", "left", count=left) if left else word(language, "said", "nothing"))))
    if session.path.exists():
        path = session.path.relative_to(session.project.root).as_posix()
        lines.append(Text("  " + word(language, "end", "file", path=path), style="dim"))
    disputes = session.disputed
    if disputes:
        command = session.project.command("review", session.task.name, "--disputed")
        said = word(language, "end", "disputed", count=len(disputes), command=command)
        lines.append(Text(f"  ! {said}", style="yellow"))
        lines += [
            Text(f"    {one_line(candidate.input, _LONGEST_INPUT)}", style="yellow") for candidate in disputes[:_SHOWN_DISPUTES]
        ]
    if len(disputes) > _SHOWN_DISPUTES:
        lines.append(Text(f"    {word(language, 'end', 'more', count=len(disputes) - _SHOWN_DISPUTES)}", style="yellow"))
    return Group(*lines)


def summary_document(session: ReviewSession, left: Sequence[ReviewItem]) -> dict[str, Any]:
    """The same for a program, with the next candidates."""
    counts = Counter[str](review.decision for review in session.decided.values())
    return {
        "task": session.task.name,
        "reviewer": session.reviewer,
        "file": str(session.path),
        "decided": {name: counts[name] for name in _DECISIONS},
        "skipped": len(session.skipped),
        "left": len(left),
        "disputed": [{"candidate": candidate.id, "input": candidate.input} for candidate in session.disputed],
        "next": [
            {
                "candidate": item.candidate.id,
                "input": item.candidate.input,
                "output": item.candidate.output,
                "why": list(item.reasons),
            }
            for item in left[:_NEXT]
        ],
    }


def agreement_table(task: Task, measured: Sequence[Agreement], language: Language) -> RenderableType:
    """Agreement of every two raters, and the limits of what it shows."""
    heading = Text(f"{task.name} · {word(language, 'kappa', 'title')}", style="bold")
    if not measured:
        return Group(heading, Text("  " + word(language, "kappa", "nobody")))
    table = new_table(*(word(language, "kappa", name) for name in ("between", "items", "same", "kappa", "interval")))
    remarks = []
    for one in measured:
        raters = " · ".join(word(language, "kappa", "judge") if name == JUDGE else name for name in one.raters)
        same = "-" if one.observed is None else f"{one.observed:.0%}"
        kappa = "-" if one.kappa is None else _two_digits(one.kappa)
        interval = "-" if one.low is None or one.high is None else f"{_two_digits(one.low)} … {_two_digits(one.high)}"
        table.add_row(raters, str(one.items), same, kappa, interval)
        if one.remark:
            # no difference in n items: with 95 % confidence fewer than 3 in n differ (the rule of three)
            rate = f"{3 / one.items:.0%}" if one.items else ""
            values = {"raters": raters, "items": one.items, "fewest": FEWEST_RATED, "rate": rate}
            remarks.append(Text(f"  ! {word(language, 'kappa', one.remark, **values)}", style="yellow"))
    return Group(heading, table, *remarks, Text(word(language, "kappa", "legend") + "\n", style="dim"))


def _two_digits(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # + 0.0: no "-0.00"
