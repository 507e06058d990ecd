"""Changes to `domain.yaml` that keep its comments, order and layout."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ruamel.yaml.comments import CommentedMap

from anytasktune.records import Language
from anytasktune.schema.domain import Action, Domain
from anytasktune.schema.task import Task
from anytasktune.settings.yaml_editing import (
    ONE_LINE,
    append_item,
    as_written,
    dump_editable,
    load_editable,
    mapping_as_written,
)

_SCHEMA_LINE = "# yaml-language-server: $schema=./domain.schema.json"
_TEXTS_OF_A_POOL = ("limits", "jurisdiction")
_TEXTS_OF_A_TASK = ("instruction", "limits", "done_by", "hands_over")


def add_task(text: str, task: Task, remarks: Sequence[str] = ()) -> str:
    """`domain.yaml` with one more task at the end of `tasks`; all other lines stay as they are, if that can be done.

    Args:
        remarks: lines for people, written as comments above the task.
    """
    fields: dict[str, Any] = task.model_dump(mode="json", exclude_defaults=True)
    fields["output"] = {"kind": task.output.kind} | fields.get("output", {})
    return append_item(text, "tasks", fields, remarks)


def add_action(text: str, action: Action, remarks: Sequence[str] = ()) -> str:
    """`domain.yaml` with one more action at the end of `actions`, as in `add_task`; its tasks must be there, or follow."""
    return append_item(text, "actions", action.model_dump(mode="json", exclude_defaults=True), remarks)


def add_steps(text: str, action: str, steps: Sequence[str]) -> str:
    """`domain.yaml` with more steps at the end of an action it has; comments are kept."""
    domain = load_editable(text)
    next(entry for entry in domain["actions"] if entry["name"] == action)["steps"].extend(steps)
    return dump_editable(domain)


def add_texts(
    text: str,
    tasks: Sequence[Task],
    actions: Sequence[Action] = (),
    own: Mapping[str, Mapping[Language, str]] = MappingProxyType({}),
) -> str:
    """`domain.yaml` with the texts of these tasks and actions in languages that those of the same name there lack.

    Comments are kept, and what is there stays as it is. Labels in one list become labels per language where a task here has
    as many in a language that the list is not in.

    Args:
        own: texts of the domain itself: `title`, `limits`.
    """
    domain = load_editable(text)
    before = dump_editable(domain)
    for name, texts in own.items():
        _complete_texts(domain, name, texts)
    there = {key: {entry["name"]: entry for entry in domain.get(key) or ()} for key in ("tasks", "actions")}
    for task in (task for task in tasks if task.name in there["tasks"]):
        _complete_labels(there["tasks"][task.name], task)
        for field in ("title", *_TEXTS_OF_A_TASK):
            _complete_texts(there["tasks"][task.name], field, getattr(task, field))
    for action in (action for action in actions if action.name in there["actions"]):
        _complete_texts(there["actions"][action.name], "title", action.title)
    edited = dump_editable(domain)
    return text if edited == before else edited


def _complete_texts(entry: Any, name: str, texts: Mapping[Language, str]) -> None:
    if not texts:
        return
    if not entry.get(name):
        entry[name] = as_written(dict(texts))
    for language, words in texts.items():
        entry[name].setdefault(language, as_written(words))
    if len(json.dumps(entry[name], ensure_ascii=False)) > ONE_LINE and isinstance(entry[name], CommentedMap):
        entry[name].fa.set_block_style()


def _complete_labels(entry: Any, task: Task) -> None:
    """Before the instruction is completed: its one language is that of a list of labels without any."""
    here, given = entry["output"].get("labels"), getattr(task.output, "labels", None)
    if not isinstance(given, dict) or not here:
        return
    own = here if isinstance(here, dict) else {spoken: list(here) for spoken in entry["instruction"]}
    new = {spoken: as_written(labels) for spoken, labels in given.items() if spoken not in own}
    if new and all(len(labels) == len(next(iter(own.values()))) for labels in new.values()):
        entry["output"]["labels"] = {**own, **new}


def task_as_written(text: str, name: str) -> dict[str, Any]:
    """The fields of a task as they stand in `domain.yaml`; KeyError if there is no such task."""
    entries = load_editable(text).get("tasks") or ()
    for entry in entries:
        if entry["name"] == name:
            fields: dict[str, Any] = json.loads(json.dumps(entry, default=str))
            return fields
    raise KeyError(name)


def change_task(text: str, name: str, fields: Mapping[str, Any]) -> str:
    """`domain.yaml` with other values in some fields of a task; empty ones are taken out.

    Comments are kept, and what is equal keeps its layout.
    """
    domain = load_editable(text)
    before = dump_editable(domain)
    _change_fields(next(entry for entry in domain["tasks"] if entry["name"] == name), fields)
    edited = dump_editable(domain)
    return text if edited == before else edited


def _change_fields(entry: Any, fields: Mapping[str, Any]) -> None:
    for key, value in fields.items():
        there = entry.get(key)
        if value is None or value in ("", [], {}):
            entry.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(there, CommentedMap):
            _change_fields(there, {gone: None for gone in there if gone not in value} | dict(value))
        elif isinstance(value, list) and isinstance(there, list) and len(value) == len(there):
            for place in (place for place, item in enumerate(value) if item != there[place]):
                there[place] = as_written(value[place])
        elif not _is_same(there, value):
            entry[key] = as_written(value)


def _is_same(there: Any, value: Any) -> bool:
    """Whether two values are equal; the blanks around a text, which its layout makes, are no difference."""
    if isinstance(there, str) and isinstance(value, str):
        return there.strip() == value.strip()
    return type(there) in (type(value), CommentedMap) and bool(there == value)


def start_domain(domain: Domain, remarks: Sequence[str] = ()) -> str:
    """A new `domain.yaml` with what a domain says of itself, and no actions or tasks yet.

    Args:
        remarks: lines for people, written as comments at its head.
    """
    own = domain.model_copy(update={"actions": [], "tasks": []}).model_dump(mode="json", exclude_defaults=True)
    fields = {"schema_version": domain.schema_version} | own
    head = [_SCHEMA_LINE, *(f"# {line}" for remark in remarks for line in remark.splitlines())]
    return "\n".join([*head, dump_editable(mapping_as_written(fields))]) + "\nactions: []\n\ntasks: []\n"


def keep_language(text: str, language: Language) -> str:
    """`domain.yaml` with instructions, labels and texts in one language only; titles, which reports show, stay in all.

    A text that is not there in `language` stays as it is.
    """
    domain = load_editable(text)
    for record, fields in [(domain, _TEXTS_OF_A_POOL), *((task, _TEXTS_OF_A_TASK) for task in domain.get("tasks") or ())]:
        for name in fields:
            texts = record.get(name) or {}
            for other in [spoken for spoken in texts if language in texts and spoken != language]:
                del texts[other]
    for task in domain.get("tasks") or ():
        labels = task["output"].get("labels")
        if isinstance(labels, dict) and language in labels:
            _translate_conditions(domain, task["name"], labels, language)
            task["output"]["labels"] = labels[language]
    return dump_editable(domain)


def _translate_conditions(domain: Any, task: str, labels: Mapping[str, Sequence[str]], language: Language) -> None:
    """Write the labels of a task in the conditions of steps (`only_if`) as they are called in `language`."""
    called = {label: own for others in labels.values() for label, own in zip(others, labels[language], strict=False)}
    wirings = [wiring for action in domain.get("actions") or () for wiring in (action.get("wiring") or {}).values()]
    for values in (wiring["only_if"].get(task, ()) for wiring in wirings if wiring.get("only_if")):
        for place, value in enumerate(values):
            values[place] = called.get(value, value)
