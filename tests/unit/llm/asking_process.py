"""`python asking_process.py URL FOLDER COUNT CAP`: asks questions in a process of its own, to be killed."""

import sys
from pathlib import Path
from typing import Any

from anytasktune.llm import Endpoint, Question, Teacher
from anytasktune.settings import TeacherConfig

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
CONCURRENCY = 8


def number(value: Any) -> int:
    return int(value["n"])


def asked(url: str, folder: Path, count: int, cap: int) -> tuple[list[int | None], Teacher]:
    config = TeacherConfig(name="m", concurrency=CONCURRENCY, answer_tokens=32, max_tokens=cap)
    teacher = Teacher.at(Endpoint(url, first_wait=0.05), config, folder / "answers.sqlite", record=folder / "asked.jsonl")
    questions = [Question([{"role": "user", "content": f"Number {place} of all"}], SCHEMA, number) for place in range(count)]
    return [reply.value for reply in teacher.ask_all(questions)], teacher


if __name__ == "__main__":
    url, folder, count, cap = sys.argv[1:]
    values, _ = asked(url, Path(folder), int(count), int(cap))
    print(*values)
