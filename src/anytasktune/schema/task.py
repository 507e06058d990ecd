"""A task: one sub-task of a field, explicit enough for a small model to learn and a program to check."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from anytasktune.records import IN_ALL_LANGUAGES, PER_LANGUAGE, Language, Name, Record, fault

Metric = Literal["accuracy", "macro_f1", "set_f1", "json_f1", "rouge_l", "token_f1", "mae"]


def _form_of_labels(labels: Any) -> str:
    return PER_LANGUAGE if isinstance(labels, Mapping) else IN_ALL_LANGUAGES


_Choice = Annotated[list[str], Field(min_length=2)]
Choice = Annotated[
    Annotated[_Choice, Tag(IN_ALL_LANGUAGES)] | Annotated[dict[Language, _Choice], Tag(PER_LANGUAGE)],
    Discriminator(_form_of_labels),
]
Labels = Annotated[
    Annotated[list[str], Tag(IN_ALL_LANGUAGES)] | Annotated[dict[Language, list[str]], Tag(PER_LANGUAGE)],
    Discriminator(_form_of_labels),
]
"""One list that holds in every language, or one list per language, in which equal positions mean the same."""


class LabelOutput(Record):
    """Exactly one of `labels`; where they are given per language, one of those of the example's language."""

    kind: Literal["label"]
    labels: Choice


class LabelsOutput(Record):
    """Several items in one line; a closed list when `labels` is given (as in `LabelOutput`), free phrases otherwise."""

    kind: Literal["labels"]
    labels: Labels | None = None
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
    limits: dict[Language, str] = Field(default_factory=dict)
    """What an answer must not be used for, and what to do instead."""
    done_by: dict[Language, str] = Field(default_factory=dict)
    """Who does this step today."""
    hands_over: dict[Language, str] = Field(default_factory=dict)
    """What the next step gets from this one."""

    @model_validator(mode="after")
    def _is_consistent(self) -> "Task":
        for language, text in self.instruction.items():
            if not text.strip():
                raise fault(f"instruction.{language} is empty", "instruction", language)
        if isinstance(self.output, (LabelOutput, LabelsOutput)):
            self._check_labels(self.output.labels)
        fitting = METRICS_OF_KIND[self.output.kind]
        if self.metric is not None and self.metric not in fitting:
            what = f"metric {self.metric} cannot judge output kind {self.output.kind}; use {' or '.join(fitting)}"
            raise fault(what, "metric")
        return self

    def _check_labels(self, given: list[str] | dict[Language, list[str]] | None) -> None:
        lists = given.items() if isinstance(given, dict) else [(None, given or [])]
        for spoken, labels in lists:
            language = () if spoken is None else (spoken,)
            if twice := sorted({label for label in labels if labels.count(label) > 1}):
                raise fault(f"output.labels lists {', '.join(twice)} more than once", "output", "labels", *language)
            if any(not label.strip() or label != label.strip() for label in labels):
                raise fault("output.labels has an empty label or one with space around it", "output", "labels", *language)
        if isinstance(given, dict):
            self._check_languages_of_labels(given)

    def _check_languages_of_labels(self, lists: dict[Language, list[str]]) -> None:
        if set(lists) != set(self.instruction):
            spoken, labelled = ", ".join(sorted(self.instruction)), ", ".join(sorted(lists)) or "no language"
            raise fault(f"output.labels is given in {labelled}, the instruction in {spoken}", "output", "labels")
        if len({len(labels) for labels in lists.values()}) > 1:
            counts = ", ".join(f"{len(labels)} in {language}" for language, labels in lists.items())
            raise fault(f"output.labels needs as many labels in every language; there are {counts}", "output", "labels")
        meanings: dict[str, int] = {}
        for place, label in ((place, label) for labels in lists.values() for place, label in enumerate(labels)):
            if meanings.setdefault(label, place) != place:
                what = f"output.labels has {label} at different positions in two languages, so it would mean two things"
                raise fault(what, "output", "labels")

    def language_of(self, language: Language | None) -> Language:
        """The language a row is handled in: its own, or the task's first if it has none or the task does not speak it."""
        return language if language is not None and language in self.instruction else self.languages[0]

    def labels_in(self, language: Language | None) -> list[str] | None:
        """The labels that may answer a row of `language` (None: the task's first); None where there is no closed list."""
        labels = self.output.labels if isinstance(self.output, (LabelOutput, LabelsOutput)) else None
        return labels[self.language_of(language)] if isinstance(labels, dict) else labels

    @property
    def scored_by(self) -> Metric:
        """The metric in force."""
        return self.metric or METRICS_OF_KIND[self.output.kind][0]

    @property
    def definition(self) -> dict[str, Any]:
        """The fields an adapter is trained for. Titles, notes and the metric are not among them: they may change freely."""
        instruction = [list(item) for item in self.instruction.items()]  # the first language is the default
        return {"instruction": instruction, "output": self.output.model_dump(), "rules": self.rules.model_dump()}

    @property
    def languages(self) -> tuple[Language, ...]:
        """The languages the task has an instruction in, the first one being its default."""
        return tuple(self.instruction)
