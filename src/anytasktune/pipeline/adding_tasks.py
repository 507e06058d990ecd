"""`tasks add`: a new task at the end of `domain.yaml`, whose comments stay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from anytasktune.domain_yaml import add_task
from anytasktune.errors import ConfigError
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema import Domain, Task
from anytasktune.settings.yaml_editing import append_item
from anytasktune.settings.yaml_reading import parse_record
from anytasktune.store import DOMAIN_FILE, changing
from anytasktune.tasks.build_tasks import instruction
from anytasktune.tasks.pool_drafts import output_of_fields, proper_name


@dataclass(frozen=True)
class NewTask:
    """A task as a person describes it.

    Attributes:
        kind: of its output.
        guidance: what a new colleague would be told, per language; the form of the answer is added to it.
        labels: the answers to choose from, where it has such.
        fields: the keys of a JSON answer, in place of `labels`.
        limits: the least and the greatest number, where the answer is one.
        name: made of the title where it is empty.
    """

    kind: str
    guidance: Mapping[Language, str]
    labels: Sequence[str] = ()
    fields: Sequence[str] = ()
    limits: tuple[float | None, float | None] = (None, None)
    name: str = ""
    title: Mapping[Language, str] = field(default_factory=dict)

    def output(self) -> dict[str, Any]:
        """`output` as it stands in `domain.yaml`."""
        least, most = self.limits
        given = {
            "labels": list(self.labels) or None,
            "json_schema": output_of_fields(dict.fromkeys(self.fields, True)).json_schema if self.fields else None,
            "minimum": least,
            "maximum": most,
        }
        return {"kind": self.kind} | {key: value for key, value in given.items() if value is not None}


def add_new_task(workspace: Workspace, new: NewTask) -> Task:
    """Write a new task to `domain.yaml`.

    Raises:
        ConfigError: the description makes no task, or there is a task of that name.
    """
    name = new.name or proper_name(next(iter(new.title.values()), ""))
    if not name:
        raise ConfigError("the task has no name", fix="give a name: lower-case letters, digits and _, e.g. message_kind")
    path = workspace.project.domain_file
    with changing(workspace.project.root) as changes:
        text = path.read_bytes().decode("utf-8-sig")
        if name in {task.name for task in parse_record(Domain, text, DOMAIN_FILE).tasks}:
            fix = "give another name, or change that task"
            raise ConfigError(f"there is a task {name!r} already", where=DOMAIN_FILE, fix=fix)
        described = {"name": name, "title": dict(new.title), "instruction": dict(new.guidance), "output": new.output()}
        try:
            task = parse_record(Domain, append_item(text, "tasks", described, ()), DOMAIN_FILE).task(name)
        except ConfigError as error:  # its lines are those of a file that is not written
            raise ConfigError([replace(problem, where="the new task") for problem in error.problems]) from None
        spoken = {language: instruction(said, task.output, task.rules, language) for language, said in task.instruction.items()}
        task = task.model_copy(update={"instruction": spoken})
        text = add_task(text, task)
        parse_record(Domain, text, DOMAIN_FILE)  # what would not be read again is not written
        changes.write(path, text)
    return task
