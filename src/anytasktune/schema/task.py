"""A task: one sub-task of a field, explicit enough for a small model to learn and a program to check."""

from collections.abc import Iterable
from typing import Any

from pydantic import Field, model_validator

from anytasktune.outputs import Metric, Output, Parsed, Rules, Violation
from anytasktune.records import Language, Name, Record, fault
from anytasktune.schema.example import Example

MOST_CRITERIA = 9
"""Of a rubric; people mark an answer with a digit per criterion."""


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
    rubric: dict[Language, list[str]] = Field(default_factory=dict)
    """Free text: what makes a good answer, a sentence per criterion, for the marks of an LLM judge and of people."""
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
        self.output.check_languages(self.languages)
        fitting = self.output.metrics
        if self.metric is not None and self.metric not in fitting:
            what = f"metric {self.metric} cannot judge output kind {self.output.kind}; use {' or '.join(fitting)}"
            raise fault(what, "metric")
        self._check_rubric()
        return self

    def _check_rubric(self) -> None:
        """Raise a fault unless the rubric is of a text task, in its languages, with equally many criteria in each."""
        if not self.rubric:
            return
        if not self.output.free_text:
            raise fault(f"a rubric is for free text; answers of kind {self.output.kind} are scored without a judge", "rubric")
        if set(self.rubric) != set(self.instruction):
            raise fault("rubric needs the languages of the instruction, and no others", "rubric")
        if len({len(criteria) for criteria in self.rubric.values()}) > 1:
            raise fault("rubric needs the same criteria in every language, in the same order", "rubric")
        for language, criteria in self.rubric.items():
            if not criteria or len(criteria) > MOST_CRITERIA or not all(text.strip() for text in criteria):
                raise fault(f"rubric.{language} needs 1 to {MOST_CRITERIA} sentences", "rubric", language)

    def rubric_in(self, language: Language | None) -> list[str]:
        """The criteria that answers to a row of `language` are marked by."""
        return self.rubric.get(self.language_of(language), [])

    def language_of(self, language: Language | None) -> Language:
        """The language a row is handled in: its own, or the task's first if it has none or the task does not speak it."""
        return language if language is not None and language in self.instruction else self.languages[0]

    def by_language(self, rows: Iterable[Example]) -> dict[Language, list[Example]]:
        """Rows by the language they are handled in, in their order."""
        found: dict[Language, list[Example]] = {}
        for row in rows:
            found.setdefault(self.language_of(row.language), []).append(row)
        return found

    def labels_in(self, language: Language | None) -> list[str] | None:
        """The labels that may answer a row of `language` (None: the task's first); None where there is no closed list."""
        return self.output.labels_in(self.language_of(language))

    def parse(self, text: str, language: Language | None = None) -> Parsed:
        """Read an answer to a row of `language`. Never raises: an answer without the form has `ok` False."""
        return self.output.parse(text, self.language_of(language))

    def violations(self, source: str, text: str, language: Language | None = None) -> list[Violation]:
        """All faults of the answer `text` to the input `source`, a row of `language`: of its form, then of the rules.

        Raises:
            ConfigError: the task's JSON Schema is no schema.
        """
        return list(self.output.violations(text, self.rules, source, self.language_of(language)))

    def in_first_language(self, text: str, reference: str) -> str:
        """`text`, an answer to a row whose right answer is `reference`, as the label of the task's first language."""
        return self.output.in_language(self.languages[0], text, reference)

    @property
    def scored_by(self) -> Metric:
        """The metric in force."""
        return self.metric or self.output.metrics[0]

    @property
    def definition(self) -> dict[str, Any]:
        """The fields an adapter is trained for. Titles, notes and the metric are not among them: they may change freely."""
        instruction = [list(item) for item in self.instruction.items()]  # the first language is the default
        return {"instruction": instruction, "output": self.output.model_dump(), "rules": self.rules.model_dump()}

    def changed_since(self, trained: "Task") -> list[str]:
        """Fields of the definition that are other ones in `trained`, the task as an adapter was trained for it."""
        return [name for name, value in self.definition.items() if value != trained.definition[name]]

    @property
    def languages(self) -> tuple[Language, ...]:
        """The languages the task has an instruction in, the first one being its default."""
        return tuple(self.instruction)
