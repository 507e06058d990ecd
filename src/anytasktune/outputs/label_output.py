"""Answers that are exactly one of a closed list of labels."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from anytasktune.outputs.answer_faults import AnswerFault
from anytasktune.outputs.answer_target import AnswerTarget, label_shares
from anytasktune.outputs.label_lists import (
    Choice,
    all_labels,
    check_labels,
    counterpart,
    in_one_order,
    known_label,
    label_remarks,
    labels_for,
    labels_of,
    same_label,
    translated_label,
    unknown_label,
)
from anytasktune.outputs.output_kind import LinearTarget, OutputKind, Parsed, Sentences, UnfitAnswerError
from anytasktune.outputs.output_remarks import Remark
from anytasktune.outputs.rules import Rules, Violation
from anytasktune.records import Language
from anytasktune.text.plain_text import listed


class LabelOutput(OutputKind):
    """Exactly one of `labels`; where they are given per language, one of those of the example's language."""

    kind: Literal["label"]
    labels: Choice

    metrics = ("accuracy", "macro_f1")
    single_choice = True
    atomic = True
    task_type = "classification"
    misfits: ClassVar[Mapping[str, Sentences]] = {
        "unknown_label": {
            "en": '"{said}" is not one of: {labels}.',
            "zh": "“{said}”不在可选范围内，只能从以下各项中选：{labels}。",
        }
    }

    def parse(self, text: str, language: Language | None = None) -> Parsed:
        """Read the label; `value` is None where it is none of the list."""
        text = text.strip()
        known = text in self.labels_in(language)
        return Parsed(text, ok=known, value=text if known else None)

    def form_violations(self, parsed: Parsed, language: Language | None = None) -> Iterator[Violation]:
        """`unknown_label`."""
        if not parsed.ok:
            yield unknown_label(parsed.text, self.labels_in(language))

    def labels_in(self, language: Language | None = None) -> list[str]:
        """The labels of `language`."""
        return labels_of(self.labels, language) or []

    def chosen(self, text: str, language: Language | None = None) -> tuple[str, ...]:
        """The label."""
        parsed = self.parse(text, language)
        return (parsed.text,) if parsed.ok else ()

    def in_language(self, language: Language, text: str, reference: str) -> str:
        """The label of `language` that means the same."""
        return counterpart(self.labels, language, text, reference)

    def meaning(self, text: str, language: Language) -> str:
        """The label of `language`."""
        return self.in_language(language, text.strip(), text.strip())

    def faults(self, reference: str, answer: str, language: Language) -> frozenset[AnswerFault]:
        """One label instead of another."""
        expected, given = (self.in_language(language, text.strip(), reference.strip()) for text in (reference, answer))
        is_right = reference.strip() == answer.strip()
        return frozenset() if is_right else frozenset([AnswerFault("confused", expected, given or answer.strip())])

    @property
    def fixed_words(self) -> frozenset[str]:
        """The labels of all languages."""
        return frozenset(all_labels(self.labels))

    @property
    def linear_target(self) -> LinearTarget:
        """The label."""
        return "label"

    def folder_fields(self) -> dict[str, Any]:
        """The labels of all languages in one list."""
        return {"labels": all_labels(self.labels)}

    def check_languages(self, languages: Sequence[Language]) -> None:
        """Refuse faulty lists, and lists for other languages than those of the instruction."""
        check_labels(self.labels, languages)

    def answer_schema(self, language: Language, rules: Rules, answers: Sequence[str]) -> dict[str, Any]:
        """One of an `enum`."""
        return {"type": "string", "enum": self.labels_in(language)}

    def from_json(self, value: Any, language: Language, style: Any) -> str:
        """The label that is meant, whatever its case, width or space."""
        labels = self.labels_in(language)
        found = known_label(str(value), labels)
        if found is None:
            raise UnfitAnswerError(self.misfits["unknown_label"], said=str(value)[:60], labels=", ".join(labels))
        return found

    def targets(self, language: Language, rules: Rules, answers: Sequence[str]) -> dict[AnswerTarget, float]:
        """Each label."""
        shares = label_shares(self.labels_in(language), Counter(answer.strip() for answer in answers))
        return {AnswerTarget(label=label): share for label, share in shares.items()}

    def target_met_by(self, text: str, language: Language | None = None) -> AnswerTarget:
        """Its label."""
        return AnswerTarget(label="".join(self.chosen(text, language)))

    def translated(self, text: str, source: Language, target: Language, pieces: Mapping[str, str]) -> str:
        """The label at the same position."""
        return translated_label(self.labels, text.strip(), source, target)

    def form_sentences(self, rules: Rules, language: Language) -> list[str]:
        """The list."""
        labels = self.labels_in(language)
        english, chinese = f"Answer with exactly one of: {', '.join(labels)}.", f"只回答以下之一：{'、'.join(labels)}。"
        return [english if language == "en" else chinese]

    def placeholder(self, language: Language) -> str:
        """A word for the label."""
        return "the answer" if language == "en" else "答案"

    def instruction_remarks(self, text: str, language: Language) -> Iterator[Remark]:
        """`label_unnamed` and `label_unknown`."""
        yield from label_remarks(self.labels_in(language), text)

    def name_words(self) -> list[str]:
        """`choose`, and the labels in one order."""
        return ["choose", *in_one_order(self.labels)]

    def lacks_labels_in(self, languages: Sequence[Language]) -> bool:
        """Whether labels are given per language, and not for exactly these."""
        return isinstance(self.labels, dict) and set(self.labels) != set(languages)

    def condition_fault(self, value: str) -> str:
        """It is no label."""
        return "" if value in all_labels(self.labels) else f"is no label of it; its labels: {listed(all_labels(self.labels))}"

    def meets(self, text: str, values: Sequence[str]) -> bool:
        """Whether it means the same as one of them, in whichever language."""
        return any(same_label(self.labels, text.strip(), value) for value in values)

    def in_languages(self, languages: Sequence[Language]) -> "LabelOutput":
        """With labels for these languages only."""
        return self.model_copy(update={"labels": labels_for(self.labels, languages)})

    def correctness(self, language: Language) -> str:
        """No other label fits better."""
        english = "The answer is the one the task's definitions give; no other answer fits better."
        return english if language == "en" else "按任务的规定，答案就是这一个，没有更合适的。"
