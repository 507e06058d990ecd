"""What reviewing came to, for the terminal and for programs."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from anytasktune.cli.review_facts import in_one_line
from anytasktune.cli.review_words import word
from anytasktune.pipeline.reviewing import ReviewLog
from anytasktune.records import Language
from anytasktune.review import JUDGE, QueueItem, outcomes, skipped
from anytasktune.schema import Candidate, Task
from anytasktune.scorers.statistics import FEWEST_ITEMS, Kappa

_DECISIONS = ("accept", "edit", "reject")
_NAMED = 5
_LENGTH = 70
_NEXT = 10


def greeting(held: ReviewLog, count: int, language: Language) -> Text:
    """Who reviews what, and how far it went before."""
    said = word(language, "said", "begin", reviewer=held.reviewer, task=held.task.name, count=count)
    line = Text(said, style="dim")
    if held.decided:
        line.append("\n" + word(language, "said", "resumed", count=len(held.decided)))
    return line


def summary(held: ReviewLog, left: int, language: Language) -> RenderableType:
    """What the reviewer decided, what is left, where it is kept, what is disputed."""
    counts = Counter[str](review.decision for review in held.decided.values())
    parts = [f"{word(language, 'decision', name)} {counts[name]}" for name in _DECISIONS if counts[name]]
    put_off = len(skipped(held.mine))
    parts += [word(language, "end", "put_off", count=put_off)] if put_off else []
    detail = f" ({', '.join(parts)})" if parts else ""
    total = counts.total()
    said = word(language, "end", "decided", task=held.task.name, reviewer=held.reviewer, count=total, detail=detail)
    lines = [Text(said, style="bold")]
    lines.append(Text("  " + (word(language, "end", "left", count=left) if left else word(language, "said", "nothing"))))
    if held.path.exists():
        path = held.path.relative_to(held.project.root).as_posix()
        lines.append(Text("  " + word(language, "end", "file", path=path), style="dim"))
    disputes = disputed(held)
    if disputes:
        said = word(language, "end", "disputed", count=len(disputes), task=held.task.name)
        lines.append(Text(f"  ! {said}", style="yellow"))
        lines += [Text(f"    {in_one_line(candidate.input, _LENGTH)}", style="yellow") for candidate in disputes[:_NAMED]]
    if len(disputes) > _NAMED:
        lines.append(Text(f"    {word(language, 'end', 'more', count=len(disputes) - _NAMED)}", style="yellow"))
    return Group(*lines)


def disputed(held: ReviewLog) -> list[Candidate]:
    """Candidates of this set the reviewers do not agree on."""
    said = outcomes([*held.others, *held.mine])
    found = (held.gated.find(key) for key, outcome in said.items() if outcome.status == "disputed")
    return [candidate for candidate in found if candidate]


def document(held: ReviewLog, left: Sequence[QueueItem]) -> dict[str, Any]:
    """The same for a program, with what comes next."""
    counts = Counter[str](review.decision for review in held.decided.values())
    return {
        "task": held.task.name,
        "reviewer": held.reviewer,
        "file": str(held.path),
        "decided": {name: counts[name] for name in _DECISIONS},
        "skipped": len(skipped(held.mine)),
        "left": len(left),
        "disputed": [{"candidate": candidate.id, "input": candidate.input} for candidate in disputed(held)],
        "next": [
            {
                "candidate": item.candidate.id,
                "input": item.candidate.input,
                "output": item.candidate.output,
                "why": list(item.grounds),
            }
            for item in left[:_NEXT]
        ],
    }


def kappa_document(task: str, kappa: Kappa) -> dict[str, Any]:
    """One kappa for a program; numbers that are not defined are null."""
    return {
        "task": task,
        "raters": list(kappa.raters),
        "items": kappa.items,
        "observed": kappa.observed,
        "kappa": kappa.value,
        "low": kappa.low,
        "high": kappa.high,
        "remark": kappa.remark,
    }


def kappa_table(task: Task, kappas: Sequence[Kappa], language: Language) -> RenderableType:
    """Agreement of everybody with everybody, and what keeps it from saying much."""
    heading = Text(f"{task.name} · {word(language, 'kappa', 'title')}", style="bold")
    if not kappas:
        return Group(heading, Text("  " + word(language, "kappa", "nobody")))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(word(language, "kappa", "between"))
    for name in ("items", "same", "kappa", "interval"):
        table.add_column(word(language, "kappa", name), justify="right", no_wrap=True)
    for kappa in kappas:
        table.add_row(_raters(kappa, language), str(kappa.items), *_numbers(kappa))
    remarks = [Text(f"  ! {_remark(kappa, language)}", style="yellow") for kappa in kappas if kappa.remark]
    return Group(heading, table, *remarks, Text(word(language, "kappa", "legend") + "\n", style="dim"))


def _raters(kappa: Kappa, language: Language) -> str:
    return " · ".join(word(language, "kappa", "judge") if name == JUDGE else name for name in kappa.raters)


def _numbers(kappa: Kappa) -> tuple[str, str, str]:
    same = "-" if kappa.observed is None else f"{kappa.observed:.0%}"
    value = "-" if kappa.value is None else _two_digits(kappa.value)
    between = "-" if kappa.low is None or kappa.high is None else f"{_two_digits(kappa.low)} … {_two_digits(kappa.high)}"
    return same, value, between


def _two_digits(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # + 0.0: no "-0.00"


def _remark(kappa: Kappa, language: Language) -> str:
    raters = _raters(kappa, language)
    # no difference in n items: 95 % sure that fewer than 3 in n differ (the rule of three)
    rate = f"{3 / kappa.items:.0%}" if kappa.items else ""
    return word(language, "kappa", kappa.remark, raters=raters, items=kappa.items, fewest=FEWEST_ITEMS, rate=rate)
