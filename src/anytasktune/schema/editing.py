"""Changes to YAML that a person wrote, keeping their comments, order and layout."""

import io
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq

from anytasktune.schema.task import Language, Task

_EMPTY_TASKS = re.compile(r"tasks:[ \t]*(?:\[\s*\]|null|~)(?=[ \t]*(?:#|$))")
_WIDTH = 120
_OFFSET = 2
"""Columns before the dash of an item."""
_TEXTS_OF_A_POOL = ("limits", "jurisdiction")
_TEXTS_OF_A_TASK = ("instruction", "limits", "done_by", "hands_over")


def add_task(text: str, task: Task) -> str:
    """`domain.yaml` with one more task at the end of `tasks`; all other lines stay as they are, if that can be done."""
    wanted: Any = _plain_yaml().load(text) or {}
    wanted["tasks"] = [*(wanted.get("tasks") or []), _fields(task)]
    edited = _with_lines(text, task)
    # lines that look like comments may be part of a text, and tasks may be written in one line: then all is laid out anew
    return edited if _loads_as(edited, wanted) else _laid_out_anew(text, task)


def keep_language(text: str, language: Language) -> str:
    """`domain.yaml` with instructions, labels and texts in one language only; titles, which reports show, stay in all.

    A text that is not there in `language` stays as it is.
    """
    yaml = _round_trip_yaml()
    domain: Any = yaml.load(text)
    for record, fields in [(domain, _TEXTS_OF_A_POOL), *((task, _TEXTS_OF_A_TASK) for task in domain.get("tasks") or ())]:
        for name in fields:
            texts = record.get(name) or {}
            for other in [spoken for spoken in texts if language in texts and spoken != language]:
                del texts[other]
    for output in (task["output"] for task in domain.get("tasks") or ()):
        labels = output.get("labels")
        if isinstance(labels, dict) and language in labels:
            output["labels"] = labels[language]
    stream = io.StringIO()
    yaml.dump(domain, stream)
    return stream.getvalue()


def _with_lines(text: str, task: Task) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith("tasks:")), None)
    if start is None:
        lines.append("tasks:")
        start = len(lines) - 1
    lines[start] = _EMPTY_TASKS.sub("tasks:", lines[start])
    place = _end_of_tasks(lines, start)
    return newline.join([*lines[:place], *_block(task, _dash_column(lines[start + 1 : place])), *lines[place:]]) + newline


def _end_of_tasks(lines: list[str], start: int) -> int:
    """Behind the last line of the tasks that is neither blank nor a comment."""
    place = start + 1
    for number in range(start + 1, len(lines)):
        line = lines[number]
        if line and not line[0].isspace() and line[0] not in "#-":
            break
        if line.strip() and not line.lstrip().startswith("#"):
            place = number + 1
    return place


def _dash_column(tasks: list[str]) -> int:
    return next((line.index("-") for line in tasks if line.lstrip().startswith("- ")), _OFFSET)


def _block(task: Task, column: int) -> list[str]:
    """The task as an item of a list, its dash in `column`."""
    stream = io.StringIO()
    _round_trip_yaml().dump({"tasks": [_fields(task)]}, stream)
    return [(" " * column + line[_OFFSET:]).rstrip() for line in stream.getvalue().splitlines()[1:]]


def _loads_as(text: str, wanted: Any) -> bool:
    try:
        return bool(_plain_yaml().load(text) == wanted)
    except Exception:  # whatever the YAML reader finds wrong with it
        return False


def _laid_out_anew(text: str, task: Task) -> str:
    yaml = _round_trip_yaml()
    data: Any = yaml.load(text)
    if not data.get("tasks"):
        data["tasks"] = CommentedSeq()
    data["tasks"].append(_fields(task))
    stream = io.StringIO()
    yaml.dump(data, stream)
    return stream.getvalue()


def _plain_yaml() -> YAML:
    return YAML(typ="safe", pure=True)


def _round_trip_yaml() -> YAML:
    yaml = YAML(typ="rt")
    yaml.width = _WIDTH
    yaml.allow_unicode = True
    yaml.indent(mapping=2, sequence=4, offset=_OFFSET)
    return yaml


def _fields(task: Task) -> dict[str, Any]:
    """What differs from the defaults, so that the file stays short."""
    fields: dict[str, Any] = task.model_dump(mode="json", exclude_defaults=True)
    fields["output"] = {"kind": task.output.kind} | fields.get("output", {})
    return fields
