"""A task: one sub-task of a field, explicit enough for a small model to learn and a program to check."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from anytasktune.schema.base import Record, fault

Language = Literal["en", "zh"]
Metric = Literal["accuracy", "macro_f1", "set_f1", "json_f1", "rouge_l", "token_f1", "mae"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
"""Lower-case letters, digits and underscores: safe as a file name, a column and a model name."""


class LabelOutput(Record):
    """Exactly one of `labels`."""

    kind: Literal["label"]
    labels: list[str] = Field(min_length=2)


class LabelsOutput(Record):
    """Several items in one line; a closed list when `labels` is given, free phrases otherwise."""

    kind: Literal["labels"]
    labels: list[str] | None = None
    separator: str = Field("; ", min_length=1)
    """What stands between two items, e.g. "; " or "；"."""


class JsonOutput(Record):
    """One JSON value, described by a JSON Schema (draft 2020-12)."""

    kind: Literal["json"]
    json_schema: dict[str, Any] = Field(default_factory=dict)


class NumberOutput(Record):
    """One number from `minimum` to `maximum`, written with at most `decimals` digits after the point."""

    kind: Literal["number"]
    minimum: float
    maximum: float
    decimals: int = Field(0, ge=0, le=6)

    @model_validator(mode="after")
    def _range_is_not_empty(self) -> "NumberOutput":
        if self.minimum >= self.maximum:
            raise fault(f"minimum {self.minimum:g} must be below maximum {self.maximum:g}", "minimum")
        return self


class TextOutput(Record):
    """Free text."""

    kind: Literal["text"]


Output = Annotated[LabelOutput | LabelsOutput | JsonOutput | NumberOutput | TextOutput, Field(discriminator="kind")]

METRICS_OF_KIND: dict[str, tuple[Metric, ...]] = {
    "label": ("accuracy", "macro_f1"),
    "labels": ("set_f1",),
    "json": ("json_f1",),
    "number": ("mae",),
    "text": ("rouge_l", "token_f1"),
}
"""Which metrics can judge which kind of output; the first is the default."""

LOWER_IS_BETTER: frozenset[Metric] = frozenset({"mae"})


class Rules(Record):
    """What a program can check about an answer without knowing the right one."""

    min_items: int | None = Field(None, ge=0)
    """Fewest items: of a list of labels, of a JSON array, or lines of a text."""
    max_items: int | None = Field(None, ge=1)
    max_length: int | None = Field(None, ge=1)
    """Most characters."""
    language: Language | None = None
    """The script the answer must be written in."""
    pattern: str | None = None
    """A regular expression (Python `re`) that must match the whole answer."""
    copies_from_input: bool = False
    """Every item, or every string inside the JSON, must stand in the input word for word."""

    @model_validator(mode="after")
    def _makes_sense(self) -> "Rules":
        if self.min_items is not None and self.max_items is not None and self.min_items > self.max_items:
            raise fault(f"min_items {self.min_items} is above max_items {self.max_items}", "min_items")
        if self.pattern is not None:
            try:
                re.compile(self.pattern)
            except re.error as error:
                raise fault(f"pattern is not a regular expression: {error}", "pattern") from None
        return self


class Task(Record):
    """One sub-task: what to do, what comes out, how an answer is checked and judged."""

    name: Name
    title: dict[Language, str] = Field(default_factory=dict)
    instruction: dict[Language, str] = Field(min_length=1)
    """What the model is told, per language. It is constant: every example of the task has the same."""
    output: Output
    rules: Rules = Rules()
    metric: Metric | None = None
    """How answers are judged; the usual metric of the output kind when left out."""
    input_from: Name | None = None
    """The earlier task of the action whose output is this one's input."""

    @model_validator(mode="after")
    def _is_consistent(self) -> "Task":
        for language, text in self.instruction.items():
            if not text.strip():
                raise fault(f"instruction.{language} is empty", "instruction", language)
        labels = getattr(self.output, "labels", None)
        if labels and len(set(labels)) != len(labels):
            twice = sorted({label for label in labels if labels.count(label) > 1})
            raise fault(f"output.labels lists {', '.join(twice)} more than once", "output", "labels")
        if labels and any(not label.strip() or label != label.strip() for label in labels):
            raise fault("output.labels has an empty label or one with space around it", "output", "labels")
        fitting = METRICS_OF_KIND[self.output.kind]
        if self.metric is not None and self.metric not in fitting:
            what = f"metric {self.metric} cannot judge output kind {self.output.kind}; use {' or '.join(fitting)}"
            raise fault(what, "metric")
        return self

    @property
    def scored_by(self) -> Metric:
        """The metric in force."""
        return self.metric or METRICS_OF_KIND[self.output.kind][0]

    @property
    def languages(self) -> tuple[Language, ...]:
        """The languages the task has an instruction in, the first one being its default."""
        return tuple(self.instruction)
