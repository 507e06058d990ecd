"""Every item of a report as the page's script reads it."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence

from anytasktune.records import Record
from anytasktune.reports.fault_words import fault_name
from anytasktune.reports.report_view import Tone, mark
from anytasktune.reports.report_words import Words, clean
from anytasktune.schema import ItemAnswer, Report, ReportItem, TaskReport
from anytasktune.settings import System

PAGE_SIZE = 50
HTML_LANGUAGE = {"en": "en", "zh": "zh-CN"}


class _Answer(Record):
    text: str | None
    mark: str
    tone: Tone
    note: str


class _Item(Record):
    row: int
    id: str
    language: str
    lang: str
    source: str
    input: str
    reference: str
    answers: list[_Answer]


class _Group(Record):
    label: str
    ids: list[str]


class _Task(Record):
    name: str
    title: str
    systems: list[System]
    groups: dict[System, list[_Group]]
    items: list[_Item]


class _Items(Record):
    words: dict[str, str]
    systems: dict[System, str]
    page_size: int
    tasks: list[_Task]


def items_data(report: Report, items: Sequence[ReportItem], words: Words) -> str:
    """JSON for the page's script, safe inside a `script` element; empty where there are no items."""
    if not items:
        return ""
    by_task: dict[str, list[ReportItem]] = defaultdict(list)
    for item in items:
        by_task[item.task].append(item)
    present = dict.fromkeys(result.system for task in report.tasks for result in task.systems)
    data = _Items(
        words=words.table["items"],
        systems={system: words.say(f"system.{system}") for system in present},
        page_size=PAGE_SIZE,
        tasks=[_task(task, by_task[task.task], words) for task in report.tasks],
    )
    # `<` would let a text end the script element
    return json.dumps(data.model_dump(mode="json"), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _task(task: TaskReport, items: Iterable[ReportItem], words: Words) -> _Task:
    systems = [result.system for result in task.systems]
    return _Task(
        name=task.task,
        title=clean(task.titles.get(words.language) or task.title),
        systems=systems,
        groups={
            result.system: [_Group(label=fault_name(group, words), ids=group.rows) for group in result.fault_groups]
            for result in task.systems
        },
        items=[
            _Item(
                row=item.row,
                id=item.id,
                language=item.language,
                lang=HTML_LANGUAGE[item.language],
                source=clean(item.source or ""),
                input=clean(item.input),
                reference=clean(item.reference),
                answers=[_answer(task, item.answers[system], words) for system in systems],
            )
            for item in items
        ],
    )


def _answer(task: TaskReport, answer: ItemAnswer, words: Words) -> _Answer:
    said, tone = mark(task, answer.value, words)
    notes = [words.table["rule"].get(rule, rule) for rule in answer.broken_rules]
    if answer.probability is not None:
        notes.append(words.say("items.probability", probability=f"{answer.probability:.0%}"))
    if answer.value is None:
        said = words.say("label.no_answer")
    text = None if answer.value is None else clean(answer.output)
    return _Answer(text=text, mark=said, tone=tone, note=words.say("headline.list_joint").join(notes))
