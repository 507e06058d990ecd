"""Small pools to be reviewed."""

from typing import Any

from anytasktune.schema import Domain, Example, Task
from anytasktune.tasks import Finding, PlacedRow, check_pool

GOOD = {
    "name": "mood",
    "title": {"en": "Mood", "zh": "情绪"},
    "instruction": {
        "en": "Read the customer's message and say what mood it is in. Answer with exactly one of: glad, cross, worried.",
        "zh": "阅读顾客的留言，判断其情绪。只回答以下之一：高兴、生气、担心。",
    },
    "output": {"kind": "label", "labels": {"en": ["glad", "cross", "worried"], "zh": ["高兴", "生气", "担心"]}},
    "hands_over": {"en": "the mood", "zh": "情绪"},
}


def task(**changes: Any) -> Task:
    return Task.model_validate({**GOOD, **changes})


def english(instruction: str, output: dict[str, Any], **more: Any) -> Task:
    fields = {"name": "task", "instruction": {"en": instruction}, "output": output}
    return Task.model_validate(fields | more)


def chinese(instruction: str, output: dict[str, Any], **more: Any) -> Task:
    fields = {"name": "task", "instruction": {"zh": instruction}, "output": output}
    return Task.model_validate(fields | more)


def placed(pairs: list[tuple[str, str]], language: str = "en") -> list[PlacedRow]:
    return [
        PlacedRow(f"data/task.jsonl:{number}", Example.model_validate({"input": text, "output": answer, "language": language}))
        for number, (text, answer) in enumerate(pairs, 1)
    ]


def review(*tasks: Task, rows: list[PlacedRow] | None = None, **domain: Any) -> list[Finding]:
    """What is said of a pool of these tasks; the rows are of the last one."""
    pool = Domain.model_validate({"name": "shop", "tasks": [item.model_dump() for item in tasks]} | domain)
    return check_pool(pool, {tasks[-1].name: rows or []})


def codes(findings: list[Finding]) -> list[str]:
    return sorted({finding.code for finding in findings})
