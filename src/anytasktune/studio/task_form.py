"""The form of a task: its fields as texts, and back."""

from collections.abc import Mapping

from anytasktune.pipeline.editing_tasks import IN_ALL, TaskFields
from anytasktune.records import Language

LANGUAGES: tuple[Language, ...] = ("en", "zh")


def form_of(fields: TaskFields) -> dict[str, str]:
    """The fields as texts, a label a line; the names are those of the form's elements."""
    texts = {f"title_{spoken}": fields.title.get(spoken, "") for spoken in LANGUAGES}
    texts |= {f"instruction_{spoken}": fields.instruction.get(spoken, "") for spoken in LANGUAGES}
    texts |= {f"labels_{key}": "\n".join(names) for key, names in fields.labels.items()}
    return texts | {"rest": fields.rest, "metric": fields.metric}


def fields_from(form: Mapping[str, str]) -> TaskFields:
    """The fields of a form that was sent; empty texts are left out."""
    given = {name: text.replace("\r\n", "\n").strip() for name, text in form.items()}
    lists = {key: _lines(given[f"labels_{key}"]) for key in (IN_ALL, *LANGUAGES) if given.get(f"labels_{key}")}
    return TaskFields(
        title={spoken: given[f"title_{spoken}"] for spoken in LANGUAGES if given.get(f"title_{spoken}")},
        instruction={spoken: given[f"instruction_{spoken}"] for spoken in LANGUAGES if given.get(f"instruction_{spoken}")},
        labels=lists,
        rest=given.get("rest", "") + "\n",
        metric=given.get("metric", ""),
    )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
