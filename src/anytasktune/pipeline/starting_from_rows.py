"""A new project from a file of past work: one task, whose output is inferred from the answers, with these rows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anytasktune.datasets import read_examples
from anytasktune.domain_yaml import add_task, start_domain
from anytasktune.errors import ConfigError
from anytasktune.pipeline.importing import Imported, ImportOptions, import_rows
from anytasktune.pipeline.initializing import init_project
from anytasktune.pipeline.new_projects import new_folder
from anytasktune.pipeline.previewing import ImportPreview, preview_import
from anytasktune.pipeline.uploads import find_upload, keep_import, keep_upload
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema import Domain, Task
from anytasktune.settings.yaml_editing import append_item
from anytasktune.settings.yaml_reading import parse_record
from anytasktune.store import DOMAIN_FILE, Project
from anytasktune.tasks.infer_output import infer_output
from anytasktune.tasks.pool_drafts import proper_name

_ANY_TEXT = Task.model_validate({"name": "rows", "instruction": {"en": "-"}, "output": {"kind": "text"}})
_FALLBACK_NAME = "my_task"


@dataclass(frozen=True)
class RowsPreview:
    """A file as a new task.

    Attributes:
        found: what would become of its rows.
        fields: `output` and `rules` of the task, inferred from the answers; empty where it cannot be read so.
    """

    found: ImportPreview
    fields: dict[str, Any]

    @property
    def labels(self) -> list[str]:
        """The closed list of answers; empty where there is none."""
        return list(self.fields.get("output", {}).get("labels", ()))


def keep_rows(root: Path, name: str, file: str, content: bytes) -> str:
    """Keep an uploaded file for a project that is not made yet, and return its id; errors as `new_folder`, `keep_upload`."""
    return keep_upload(Project(new_folder(root, name)), file, content).id


def preview_rows(root: Path, name: str, upload_id: str, options: ImportOptions) -> tuple[str, RowsPreview]:
    """Name of the file, and what it would be as a new task; nothing is written.

    Raises:
        ConfigError: there is no such upload.
        AnyTaskTuneError: the file cannot be read whatever its columns mean.
    """
    upload, path = find_upload(Project(new_folder(root, name)), upload_id)
    found = preview_import(_ANY_TEXT, path, options, upload.name)
    if not found.counts:
        return upload.name, RowsPreview(found, {})
    rows = read_examples(path, columns=found.mapping, language=options.language, encoding=options.encoding).examples
    output, rules = infer_output(rows)
    fields = {"kind": output.kind} | output.model_dump(mode="json", exclude_defaults=True)
    if isinstance(labels := fields.get("labels"), dict):
        fields["labels"] = next(iter(labels.values()))  # equal in all languages until a person says otherwise
    limits = rules.model_dump(mode="json", exclude_defaults=True)
    return upload.name, RowsPreview(found, {"output": fields} | ({"rules": limits} if limits else {}))


def start_from_rows(
    root: Path, name: str, upload_id: str, options: ImportOptions, instruction: dict[Language, str], title: str = ""
) -> tuple[Project, Imported]:
    """Make the project with its task, and import the rows.

    Args:
        options: columns and language of the rows; the task's name, made of its title where it is empty.
        instruction: of the task; its first language is that of rows that name none.

    Raises:
        ConfigError: these are no fields of a task, or there is a project already.
        DataError: none of the rows can be used.
    """
    project = Project(new_folder(root, name))
    upload, path = find_upload(project, upload_id)
    _, preview = preview_rows(root, name, upload_id, options)
    if not preview.fields:
        raise ConfigError(preview.found.problems)
    (spoken, *_) = instruction or ("en",)
    fields = {"name": options.task or proper_name(title) or _FALLBACK_NAME, "title": {spoken: title or name}}
    task = _read_task(fields | {"instruction": instruction} | preview.fields)
    domain = Domain(name=proper_name(name) or "my_field", title={spoken: name})
    init_project(project.root, domain=add_task(start_domain(domain), task))
    chosen = ImportOptions(task.name, preview.found.mapping, options.language, options.split, encoding=options.encoding)
    imported = import_rows(Workspace.open(project.root), path, chosen)
    keep_import(project, upload, imported, ["import", upload.name, "--task", task.name])
    return project, imported


def _read_task(fields: dict[str, Any]) -> Task:
    """A task of these fields; ConfigError with a problem per wrong one, as of a `domain.yaml`."""
    text = append_item(start_domain(Domain(name="new")), "tasks", fields, ())
    return parse_record(Domain, text, DOMAIN_FILE).tasks[0]
