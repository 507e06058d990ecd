"""Changes to YAML that a person wrote, keeping their comments, order and layout."""

import io
from typing import Any

from ruamel.yaml import YAML

from anytasktune.schema.task import Task


def add_task(text: str, task: Task) -> str:
    """`domain.yaml` with one more task at the end of `tasks`."""
    yaml = YAML(typ="rt")
    yaml.width = 120
    yaml.allow_unicode = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    data: Any = yaml.load(text)
    if not data.get("tasks"):
        data["tasks"] = []
    data["tasks"].append(_fields(task))
    stream = io.StringIO()
    yaml.dump(data, stream)
    return stream.getvalue()


def _fields(task: Task) -> dict[str, Any]:
    """What differs from the defaults, so that the file stays short."""
    fields: dict[str, Any] = task.model_dump(mode="json", exclude_defaults=True)
    fields["output"] = {"kind": task.output.kind} | fields.get("output", {})
    return fields
