"""Changes to YAML that a person wrote, keeping their comments, order and layout."""

import io
import json
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import FoldedScalarString, SingleQuotedScalarString

from anytasktune.records import Language
from anytasktune.schema.domain import Action, Domain
from anytasktune.schema.task import Task

_EMPTY_LIST = re.compile(r"^(\w+):[ \t]*(?:\[\s*\]|null|~)(?=[ \t]*(?:#|$))")
_WIDTH = 120
_SCHEMA_LINE = "# yaml-language-server: $schema=./domain.schema.json"
_LONG_TEXT = 90
_ONE_LINE = 100
_OFFSET = 2
"""Columns before the dash of an item."""
_TEXTS_OF_A_POOL = ("limits", "jurisdiction")
_TEXTS_OF_A_TASK = ("instruction", "limits", "done_by", "hands_over")


def add_task(text: str, task: Task, remarks: Sequence[str] = ()) -> str:
    """`domain.yaml` with one more task at the end of `tasks`; all other lines stay as they are, if that can be done.

    Args:
        remarks: lines for people, written as comments above the task.
    """
    return _added(text, "tasks", _fields(task), remarks)


def add_action(text: str, action: Action, remarks: Sequence[str] = ()) -> str:
    """`domain.yaml` with one more action at the end of `actions`, as in `add_task`; its tasks must be there, or follow."""
    return _added(text, "actions", action.model_dump(mode="json", exclude_defaults=True), remarks)


def add_steps(text: str, action: str, steps: Sequence[str]) -> str:
    """`domain.yaml` with more steps at the end of an action it has; comments are kept."""
    yaml = _round_trip_yaml()
    domain: Any = yaml.load(text)
    next(entry for entry in domain["actions"] if entry["name"] == action)["steps"].extend(steps)
    return _dumped(yaml, domain)


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
    yaml = _round_trip_yaml()
    domain: Any = yaml.load(text)
    before = _dumped(yaml, domain)
    for name, texts in own.items():
        _complete_texts(domain, name, texts)
    there = {key: {entry["name"]: entry for entry in domain.get(key) or ()} for key in ("tasks", "actions")}
    for task in (task for task in tasks if task.name in there["tasks"]):
        _complete_labels(there["tasks"][task.name], task)
        for field in ("title", *_TEXTS_OF_A_TASK):
            _complete_texts(there["tasks"][task.name], field, getattr(task, field))
    for action in (action for action in actions if action.name in there["actions"]):
        _complete_texts(there["actions"][action.name], "title", action.title)
    edited = _dumped(yaml, domain)
    return text if edited == before else edited


def _complete_texts(entry: Any, name: str, texts: Mapping[Language, str]) -> None:
    if not texts:
        return
    if not entry.get(name):
        entry[name] = _readable(dict(texts))
    for language, words in texts.items():
        entry[name].setdefault(language, words)
    if len(json.dumps(entry[name], ensure_ascii=False)) > _ONE_LINE and isinstance(entry[name], CommentedMap):
        entry[name].fa.set_block_style()


def _complete_labels(entry: Any, task: Task) -> None:
    """Before the instruction is completed: its one language is that of a list of labels without any."""
    here, given = entry["output"].get("labels"), getattr(task.output, "labels", None)
    if not isinstance(given, dict) or not here:
        return
    own = here if isinstance(here, dict) else {spoken: list(here) for spoken in entry["instruction"]}
    new = {spoken: labels for spoken, labels in given.items() if spoken not in own}
    if new and all(len(labels) == len(next(iter(own.values()))) for labels in new.values()):
        entry["output"]["labels"] = {**own, **new}


def start_domain(domain: Domain, remarks: Sequence[str] = ()) -> str:
    """A new `domain.yaml` with what a domain says of itself, and no actions or tasks yet.

    Args:
        remarks: lines for people, written as comments at its head.
    """
    own = domain.model_copy(update={"actions": [], "tasks": []}).model_dump(mode="json", exclude_defaults=True)
    fields = {"schema_version": domain.schema_version} | own
    head = [_SCHEMA_LINE, *(f"# {line}" for remark in remarks for line in remark.splitlines())]
    return "\n".join([*head, _dumped(_round_trip_yaml(), _laid_out(fields))]) + "\nactions: []\n\ntasks: []\n"


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
    return _dumped(yaml, domain)


def _added(text: str, key: str, fields: Mapping[str, Any], remarks: Sequence[str]) -> str:
    wanted: Any = _plain_yaml().load(text) or {}
    wanted[key] = [*(wanted.get(key) or []), fields]
    edited = _with_lines(text, key, fields, remarks)
    # lines that look like comments may be part of a text, and tasks may be written in one line: then all is laid out anew
    return edited if _loads_as(edited, wanted) else _laid_out_anew(text, key, fields, remarks)


def _with_lines(text: str, key: str, fields: Mapping[str, Any], remarks: Sequence[str]) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith(f"{key}:")), None)
    if start is None:
        lines.append(f"{key}:")
        start = len(lines) - 1
    lines[start] = _EMPTY_LIST.sub(r"\1:", lines[start])
    place = _end_of_list(lines, start)
    column = _dash_column(lines[start + 1 : place])
    above = [f"{' ' * column}# {line}" for remark in remarks for line in remark.splitlines()]
    if above and place > start + 1:
        above = ["", *above]
    return newline.join([*lines[:place], *above, *_block(fields, column), *lines[place:]]) + newline


def _end_of_list(lines: list[str], start: int) -> int:
    """Behind the last line of the list that is neither blank nor a comment."""
    place = start + 1
    for number in range(start + 1, len(lines)):
        line = lines[number]
        if line and not line[0].isspace() and line[0] not in "#-":
            break
        if line.strip() and not line.lstrip().startswith("#"):
            place = number + 1
    return place


def _dash_column(items: list[str]) -> int:
    return next((line.index("-") for line in items if line.lstrip().startswith("- ")), _OFFSET)


def _block(fields: Mapping[str, Any], column: int) -> list[str]:
    """The fields as an item of a list, its dash in `column`."""
    lines = _dumped(_round_trip_yaml(), {"items": [_laid_out(fields)]}).splitlines()
    return [(" " * column + line[_OFFSET:]).rstrip() for line in lines[1:]]


def _loads_as(text: str, wanted: Any) -> bool:
    try:
        return bool(_plain_yaml().load(text) == wanted)
    except Exception:  # whatever the YAML reader finds wrong with it
        return False


def _laid_out_anew(text: str, key: str, fields: Mapping[str, Any], remarks: Sequence[str]) -> str:
    yaml = _round_trip_yaml()
    data: Any = yaml.load(text)
    if not data.get(key):
        data[key] = CommentedSeq()
    data[key].append(fields)
    if remarks and not data[key].fa.flow_style():
        data[key].yaml_set_comment_before_after_key(len(data[key]) - 1, before="\n".join(remarks), indent=_OFFSET)
    return _dumped(yaml, data)


def _laid_out(record: Mapping[str, Any]) -> CommentedMap:
    """The fields of a record, a line or more for each, as a person would write them."""
    return CommentedMap({name: _readable(value) for name, value in record.items()})


def _readable(value: Any) -> Any:
    """What is short stands on one line, a long text is folded between words, and whole numbers have no point."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        if len(value) > _LONG_TEXT and _can_be_folded(value):
            return FoldedScalarString(value)
        return SingleQuotedScalarString(value) if value.startswith("?") else value  # ruamel writes {en: ?} and cannot read it
    if not isinstance(value, (dict, list)) or not value:
        return value
    if isinstance(value, dict):
        node: Any = CommentedMap({name: _readable(item) for name, item in value.items()})
    else:
        node = CommentedSeq([_readable(item) for item in value])
    if len(json.dumps(value, ensure_ascii=False)) <= _ONE_LINE:
        node.fa.set_flow_style()
    return node


def _can_be_folded(text: str) -> bool:
    """Whether folding and unfolding gives the same text: words with one space between."""
    return text.isprintable() and text == " ".join(text.split(" ")) and "  " not in text and text == text.strip()


def _dumped(yaml: YAML, data: Any) -> str:
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
