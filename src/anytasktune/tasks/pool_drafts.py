"""A field as far as it is known before it is a Task Pool: from an interview, from past work, or from a teacher."""

import re
import unicodedata
from collections.abc import Mapping

from pydantic import Field

from anytasktune.outputs import JsonOutput, Output, Rules
from anytasktune.records import Language, Record, no_device

Bilingual = dict[Language, str]
"""A text per language, as far as there is one."""
_LONGEST_NAME = 60


class StepDraft(Record):
    """A step of an action as it was described."""

    name: str = ""
    """A wish, made a proper name; made from the title where it is empty."""
    title: Bilingual = Field(default_factory=dict)
    guidance: Bilingual = Field(default_factory=dict)
    """Directions for a new colleague, without the form of the answer."""
    done_by: Bilingual = Field(default_factory=dict)
    hands_over: Bilingual = Field(default_factory=dict)
    from_previous: bool = False
    """It starts from what the step before it hands over."""
    output: Output | None = None
    rules: Rules = Rules()
    left_open: list[str] = Field(default_factory=list)
    """Parts that were not described; `build_pool` adds those it sees itself."""
    remarks: list[str] = Field(default_factory=list)
    """Comments for whoever edits the file."""


class ActionDraft(Record):
    """A thing people do, with its steps in their order."""

    name: str = ""
    title: Bilingual = Field(default_factory=dict)
    steps: list[StepDraft] = Field(default_factory=list)


class PoolDraft(Record):
    """A field of work as it was described."""

    name: str = ""
    title: Bilingual = Field(default_factory=dict)
    description: str = ""
    limits: Bilingual = Field(default_factory=dict)
    actions: list[ActionDraft] = Field(default_factory=list)


def proper_name(text: str) -> str:
    """`text` as a name of a task or action: lower-case letters, digits and `_`, Chinese in pinyin; empty without letters."""
    from pypinyin import lazy_pinyin  # noqa: PLC0415  (its dictionaries take a third of a second)

    latin = " ".join(lazy_pinyin(text)) if not text.isascii() else text
    plain = unicodedata.normalize("NFKD", latin).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "_", plain.replace("'", "")).strip("_0123456789")
    while len(words) > _LONGEST_NAME and "_" in words:
        words = words.rpartition("_")[0]
    return no_device(words[:_LONGEST_NAME].strip("_"))


def output_of_fields(fields: Mapping[str, bool]) -> JsonOutput:
    """A form with these keys, all of them required; those that are not always filled may be null."""
    properties = {name: {"type": "string" if filled else ["string", "null"]} for name, filled in fields.items()}
    schema = {"type": "object", "properties": properties, "required": list(fields), "additionalProperties": False}
    return JsonOutput(kind="json", json_schema=schema)
