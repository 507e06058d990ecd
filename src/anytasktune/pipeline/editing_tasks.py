"""A task changed by a person: its fields as they stand in `domain.yaml`, their check before they are written, the change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml.error import YAMLError

from anytasktune.datasets import check_row
from anytasktune.domain_yaml import change_task, task_as_written
from anytasktune.errors import ConfigError
from anytasktune.ids import content_id
from anytasktune.pipeline.pool_checking import placed_in_domain, placed_rows
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema import Domain, DroppedRow
from anytasktune.settings.yaml_editing import dump_editable, load_editable, mapping_as_written
from anytasktune.settings.yaml_reading import parse_record
from anytasktune.store import DOMAIN_FILE, changing
from anytasktune.tasks import Finding, check_pool

IN_ALL = ""
"""Key of the labels that hold in every language."""
_REST = ("output", "rules")


@dataclass(frozen=True)
class TaskFields:
    """The fields of a task that a person edits.

    Attributes:
        labels: the closed list per language, or one under `IN_ALL`; empty where there is none.
        rest: YAML of `output` without its labels, and of `rules`.
        metric: empty for the usual one.
    """

    title: Mapping[Language, str] = field(default_factory=dict)
    instruction: Mapping[Language, str] = field(default_factory=dict)
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    rest: str = ""
    metric: str = ""

    @property
    def id(self) -> str:
        """The same for equal fields."""
        labels = {key: list(names) for key, names in self.labels.items()}
        return content_id([dict(self.title), dict(self.instruction), labels, self.rest, self.metric])


def fields_of(workspace: Workspace, name: str) -> TaskFields:
    """The fields of a task as they stand in `domain.yaml` now."""
    entry = task_as_written(_text(workspace), name)
    output = dict(entry["output"])
    labels = output.pop("labels", None) or {}
    rest = {"output": output} | ({"rules": entry["rules"]} if entry.get("rules") else {})
    return TaskFields(
        title={spoken: text.strip() for spoken, text in (entry.get("title") or {}).items()},
        instruction={spoken: text.strip() for spoken, text in entry["instruction"].items()},
        labels=labels if isinstance(labels, dict) else {IN_ALL: labels},
        rest=dump_editable(mapping_as_written(rest)),
        metric=entry.get("metric") or "",
    )


@dataclass(frozen=True)
class TaskCheck:
    """The check of a task that is being edited.

    Attributes:
        findings: of `tasks check` on the task and its rows.
        unfit: rows whose answer has not the form of the task, which training would leave out.
        rows: number of rows that are read.
    """

    findings: Sequence[Finding]
    unfit: Sequence[DroppedRow] = ()
    rows: int = 0


def check_fields(workspace: Workspace, name: str, fields: TaskFields) -> TaskCheck:
    """Check a task and its rows as if these were its fields; nothing is written.

    Raises:
        ConfigError: they make no task, each fault with its line in the file that would be written.
        DataError: its rows cannot be read.
    """
    domain = _domain(_changed(_text(workspace), name, fields))
    task = domain.task(name)
    rows = placed_rows(workspace, task)
    found = check_pool(domain, {name: rows})
    own = [finding for finding in found if finding.place or finding.at[:2] == ("tasks", name)]
    faults = ((row, check_row(task, row.example)) for row in rows)
    places = ((row.place.rpartition(":"), fault) for row, fault in faults if fault)
    unfit = [fault.at(file, int(number)) for (file, _, number), fault in places]
    return TaskCheck(placed_in_domain(workspace, own), unfit, len(rows))


def save_fields(workspace: Workspace, name: str, fields: TaskFields, seen: str) -> None:
    """Write the fields of a task to `domain.yaml`, whose comments stay.

    Args:
        seen: the id of the fields that the person was shown.

    Raises:
        ConfigError: they make no task, or the task was changed since.
    """
    with changing(workspace.project.root) as changes:
        if fields_of(workspace, name).id != seen:
            fix = "load the page again, and make the change once more"
            raise ConfigError(f"task {name} was changed meanwhile", where=DOMAIN_FILE, fix=fix)
        text = _text(workspace)
        changed = _changed(text, name, fields)
        _domain(changed)
        if changed != text:
            changes.write(workspace.project.domain_file, changed)


def _changed(text: str, name: str, fields: TaskFields) -> str:
    rest = _rest(fields.rest)
    output = dict(rest.get("output") or {})
    if fields.labels:
        given = {spoken: list(names) for spoken, names in fields.labels.items()}
        output["labels"] = given.get(IN_ALL, given)
    changes: dict[str, Any] = {"title": dict(fields.title), "instruction": dict(fields.instruction), "output": output}
    return change_task(text, name, changes | {"rules": rest.get("rules"), "metric": fields.metric})


def _rest(text: str) -> dict[str, Any]:
    try:
        rest = load_editable(text) or {}
    except (YAMLError, RecursionError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        raise ConfigError(f"output and rules are no YAML: {said}", fix="write fields like `max_length: 300`") from None
    if not isinstance(rest, dict) or (unknown := [key for key in rest if key not in _REST]):
        what = f"{unknown[0]!r} belongs neither to output nor to rules" if isinstance(rest, dict) else "there are no fields"
        raise ConfigError(what, fix="write `output:` and `rules:`, with their fields below")
    return rest


def _text(workspace: Workspace) -> str:
    return workspace.project.domain_file.read_bytes().decode("utf-8-sig")


def _domain(text: str) -> Domain:
    return parse_record(Domain, text, DOMAIN_FILE)
