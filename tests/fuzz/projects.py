"""Projects that the inputs are tried on."""

import json
from random import Random
from typing import Any

from tests.tiny_project import DOMAIN, team_rows

NAMES = ("team", "labels_task", "json_task", "number_task", "text_task")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "client": {"type": "string"},
        "amount": {"type": ["number", "null"]},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
    },
    "required": ["client"],
}
POOL: dict[str, Any] = {
    "schema_version": 1,
    "name": "law",
    "title": {"en": "Law", "zh": "法律"},
    "actions": [{"name": "intake", "steps": ["team", "text_task"]}],
    "tasks": [
        {
            "name": "team",
            "title": {"en": "Which team", "zh": "案件分派"},
            "instruction": {"en": "Which team takes it? Answer housing, family or work.", "zh": "由哪个团队处理？"},
            "output": {"kind": "label", "labels": ["housing", "family", "work"]},
        },
        {
            "name": "labels_task",
            "instruction": {"en": "Name the topics, at most 3."},
            "output": {"kind": "labels", "labels": ["housing", "family", "work"], "separator": "; "},
            "rules": {"max_items": 3},
        },
        {
            "name": "json_task",
            "instruction": {"en": "Extract the client."},
            "output": {"kind": "json", "json_schema": SCHEMA},
        },
        {
            "name": "number_task",
            "instruction": {"en": "How urgent, 1 to 5?"},
            "output": {"kind": "number", "minimum": 1, "maximum": 5, "decimals": 0},
        },
        {
            "name": "text_task",
            "instruction": {"en": "Answer the client."},
            "output": {"kind": "text"},
            "rules": {"pattern": ".+", "max_length": 400},
            "input_from": "team",
        },
    ],
}
ANSWERS = {
    "team": ("housing", "family", "work"),
    "labels_task": ("housing", "family; work", "work; housing"),
    "json_task": ('{"client": "tenant", "amount": 3, "tags": ["a"]}', '{"client": "房东"}', '{"client": "x", "amount": null}'),
    "number_task": ("1", "3", "5"),
    "text_task": ("Dear client, yes.", "您好，可以。", "No."),
}


def domain_file(pool: Any = None) -> bytes:
    """`domain.yaml` of a pool, written as JSON, which YAML can read; of one task by default."""
    return DOMAIN.encode() if pool is None else json.dumps(pool, ensure_ascii=False).encode("utf-8", "surrogatepass")


def rows_of(task: str, count: int = 12) -> list[dict[str, Any]]:
    """Rows that fit one of the tasks of `POOL`."""
    answers = ANSWERS[task]
    return [
        {"input": row.input, "output": answers[number % len(answers)], "language": row.language}
        for number, row in enumerate(team_rows(count))
    ]


def lines(rows: list[dict[str, Any]]) -> bytes:
    """Rows as JSON Lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8", "surrogatepass")


def base_files(random: Random) -> dict[str, bytes]:
    """The files of a sound project of five tasks; one of the tasks has rows."""
    task = random.choice(NAMES)
    return {"law/domain.yaml": domain_file(POOL), f"law/data/{task}.jsonl": lines(rows_of(task))}
