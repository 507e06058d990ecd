"""A small bilingual project: one label task and rows that a tiny model can be trained on in a second."""

import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from anytasktune.schema import Example
from anytasktune.settings import Settings
from anytasktune.settings.overrides import apply_overrides

LABELS = ("housing", "family", "work")
DOMAIN = """\
schema_version: 1
name: law
tasks:
  - name: team              # who takes the matter
    title: {en: Which team, zh: 案件分派}
    instruction:
      en: Which team takes it? Answer housing, family or work.
      zh: 由哪个团队处理？只回答 housing、family 或 work。
    output: {kind: label, labels: [housing, family, work]}
"""
_WORDS = "landlord deposit letter rent boss wage fired child school divorce shop heating 押金 房东 工资 老板 离婚".split()  # noqa: SIM905
QUICK = ("epochs=1", "max_new_tokens=4", "resamples=100", "device=cpu")


def team_rows(count: int = 30, start: int = 0) -> list[Example]:
    """Rows that differ from each other; every third is Chinese."""
    rows = []
    for number in range(start, start + count):
        words = " ".join(random.Random(number).choices(_WORDS, k=5))
        language = "zh" if number % 3 == 2 else "en"
        text = f"第{number}件：{words}" if language == "zh" else f"matter {number}: {words}"
        rows.append(Example(input=text, output=LABELS[number // 2 % 3], language=language))
    return rows


def write_rows(path: Path, rows: Iterable[Example]) -> Path:
    lines = (row.model_dump(exclude_none=True) for row in rows)
    return write_lines(path, [json.dumps(line, ensure_ascii=False) for line in lines])


def write_lines(path: Path, lines: Sequence[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
    return path


def write_project(folder: Path, rows: Sequence[Example] | None = None, domain: str = DOMAIN) -> Path:
    """A project with rows to be divided; with `rows=[]` without rows."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "domain.yaml").write_text(domain, encoding="utf-8", newline="\n")
    rows = team_rows() if rows is None else rows
    if rows:
        write_rows(folder / "data" / "team.jsonl", rows)
    return folder


def quick_settings(model: Path, *more: str) -> Settings:
    return apply_overrides(Settings(), [f"train.model={model}", *QUICK, *more])


POOL = """\
schema_version: 1
name: law
actions:
  - name: intake
    steps: [team, haste]
  - name: answer
    steps: [haste, reply]
  - name: file_away
    steps: [reply]
tasks:
  - name: team
    instruction: {en: "Which team takes it? Answer housing, family or work.", zh: 由哪个团队处理？}
    output: {kind: label, labels: [housing, family, work]}
  - name: haste
    instruction: {en: "How urgent is the matter? Answer urgent or calm.", zh: 是否紧急？}
    output: {kind: label, labels: [urgent, calm]}
  - name: reply
    instruction: {en: Repeat the first word of the matter., zh: 重复第一个词。}
    output: {kind: text}
"""
POOL_UNITS = ("team", "haste", "reply", "action-intake", "action-answer", "mixed-pool")


def pool_rows(task: str, count: int = 30, start: int = 0) -> list[Example]:
    """Rows for one of the tasks of `POOL`; equal numbers have equal inputs, whatever the task."""
    outputs = {"team": LABELS, "haste": ("urgent", "calm"), "reply": ("matter", "boss", "rent")}[task]
    rows = team_rows(count, start)
    return [row.model_copy(update={"output": outputs[number % len(outputs)]}) for number, row in enumerate(rows, start)]


def write_pool(folder: Path, counts: tuple[int, int, int] = (30, 24, 20)) -> Path:
    """A project of three tasks and three actions, one of which has a single step; no two tasks share an input."""
    write_project(folder, rows=[], domain=POOL)
    for place, (task, count) in enumerate(zip(("team", "haste", "reply"), counts, strict=True)):
        write_rows(folder / "data" / f"{task}.jsonl", pool_rows(task, count, start=1000 * place))
    return folder
