"""What is known of a field before it is a Task Pool: from an interview, from examples, or from a teacher."""

import re
import unicodedata
from typing import Any, Literal

from pydantic import Field

from anytasktune.outputs import Rules
from anytasktune.records import Language, Record

Kind = Literal["label", "labels", "json", "number", "text"]
Texts = dict[Language, str]
_LONGEST_NAME = 60


class Form(Record):
    """What comes out of a step, as far as it is known; fields of other kinds than `kind` are passed over."""

    kind: Kind
    labels: dict[Language, list[str]] = Field(default_factory=dict)
    separator: str = "; "
    json_schema: dict[str, Any] = Field(default_factory=dict)
    minimum: float = 1
    maximum: float = 5
    decimals: int = 0
    rules: Rules = Rules()


class StepDraft(Record):
    """A step of an action as somebody described it."""

    name: str = ""
    """A wish; made a proper name, or made from the title if empty."""
    title: Texts = Field(default_factory=dict)
    told: Texts = Field(default_factory=dict)
    """How a new colleague would be told to do it, without the form of the answer."""
    done_by: Texts = Field(default_factory=dict)
    hands_over: Texts = Field(default_factory=dict)
    goes_on: bool = False
    """It starts from what the step before it hands over."""
    form: Form | None = None
    remarks: list[str] = Field(default_factory=list)
    """What whoever edits the file should know of it."""


class ActionDraft(Record):
    """A thing people do, with its steps in their order."""

    name: str = ""
    title: Texts = Field(default_factory=dict)
    steps: list[StepDraft] = Field(default_factory=list)


class PoolDraft(Record):
    """A field of work as somebody described it."""

    name: str = ""
    title: Texts = Field(default_factory=dict)
    description: str = ""
    limits: Texts = Field(default_factory=dict)
    actions: list[ActionDraft] = Field(default_factory=list)


def proper_name(text: str) -> str:
    """`text` as a name of a task or action: lower-case letters, digits and `_`; empty where it has no Latin letter."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "_", plain.replace("'", "")).strip("_0123456789")
    while len(words) > _LONGEST_NAME and "_" in words:
        words = words.rpartition("_")[0]
    return words[:_LONGEST_NAME].strip("_")
