"""Answers in free text."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from anytasktune.outputs.grammar import ANY, IN_LINE, INK, GrammarText, every, regex, rule_terms
from anytasktune.outputs.output_kind import OutputKind, Parsed, Pieces, Sentences, UnfitAnswerError
from anytasktune.outputs.output_remarks import Remark
from anytasktune.outputs.rules import Rules, Violation
from anytasktune.records import Language
from anytasktune.text.automaton_regex import automaton_regex
from anytasktune.text.json_values import try_json
from anytasktune.text.overlap import rouge_l
from anytasktune.text.pattern_completion import PatternCompletion
from anytasktune.text.plain_text import listed

ALIKE = 0.4
"""Two texts say the same from this ROUGE-L on; two good answers in free words rarely overlap much more."""


_FEW_ANSWERS = 8
USUAL_LENGTH = 400
"""Characters of a text without any limit of its own."""


class TextOutput(OutputKind):
    """Free text."""

    kind: Literal["text"]

    metrics = ("rouge_l", "token_f1")
    free_text = True
    misfits: ClassVar[Mapping[str, Sentences]] = {
        "no_text": {"en": "answer is not a text, or is empty.", "zh": "answer 不是文字，或者为空。"},
    }

    def parse(self, text: str, language: Language | None = None) -> Parsed:
        """Any text that is not empty."""
        text = text.strip()
        return Parsed(text, ok=bool(text), value=text)

    def form_violations(self, parsed: Parsed, language: Language | None = None) -> Iterator[Violation]:
        """None: any text has the form."""
        yield from ()

    def count_items(self, parsed: Parsed) -> int:
        """Lines that are not blank."""
        return sum(1 for line in parsed.text.splitlines() if line.strip())

    def pieces(self, text: str, language: Language | None = None) -> Pieces:
        """The whole text."""
        return (((), text.strip()),) if text.strip() else ()

    @property
    def plausible_from(self) -> float:
        """A few words in common: two good texts often share no more."""
        return 0.1

    def likeness(self, one: str, other: str, language: Language | None = None) -> float:
        """ROUGE-L, less `ALIKE`."""
        return rouge_l(one, other) - ALIKE

    def answer_schema(self, language: Language, rules: Rules, answers: Sequence[str]) -> dict[str, Any]:
        """A string."""
        return {"type": "string"}

    def from_json(self, value: Any, language: Language, style: Any) -> str:
        """The text without white space around it."""
        if not isinstance(value, str) or not value.strip():
            raise UnfitAnswerError(self.misfits["no_text"])
        return value.strip()

    def grammar(self, rules: Rules, source: str, language: Language, style: Any) -> str:
        """Texts of the pattern; else lines that are not blank, as many as the rules want, at least one."""
        grammar = GrammarText()
        terms = rule_terms(grammar, rules, source, language)
        if rules.pattern is None or automaton_regex(rules.pattern) is None:  # beside a pattern, lines are seldom news
            line = rf"\s*{INK}{IN_LINE}*"
            counted = rules.min_items is not None or rules.max_items is not None
            more = f"{{{max(rules.min_items or 1, 1) - 1},{'' if rules.max_items is None else rules.max_items - 1}}}"
            terms.append(regex(rf"{line}(?:\n{line}){more}\s*" if counted else rf"\s*{INK}{ANY}*"))
        return grammar.starting(grammar.terminal(every(terms)))

    def pattern_completion(self, rules: Rules) -> PatternCompletion | None:
        """Those of the pattern."""
        return None if rules.pattern is None else PatternCompletion.of(rules.pattern)

    def shows_beginnings(self, rules: Rules) -> bool:
        """Where there are no rules."""
        return rules == Rules()

    def form_sentences(self, rules: Rules, language: Language) -> list[str]:
        """The number of lines, where it matters."""
        items = rules.items_in_words(language)
        if not items:
            return []
        lines = "line" if rules.max_items == 1 else "lines"
        return [f"Write {items} {lines}, one item per line." if language == "en" else f"写{items}行，每行一条。"]

    def design_remark(self, rules: Rules) -> Remark | None:
        """No rule at all."""
        why, instead = (
            "any text at all would be a well-formed answer",
            "add rules: max_length, min_items and max_items, or pattern",
        )
        return None if rules.limits_form else Remark("no_checkable_rule", "error", why, instead)

    def with_usual_limits(self, rules: Rules) -> tuple["TextOutput", Rules, str]:
        """At most `USUAL_LENGTH` characters."""
        if self.design_remark(rules) is None:
            return self, rules, ""
        return self, rules.model_copy(update={"max_length": USUAL_LENGTH}), "length"

    @property
    def has_items(self) -> bool:
        """Each line is one."""
        return True

    def items(self, text: str) -> tuple[str, ...]:
        """Lines that are not blank."""
        return tuple(line.strip() for line in text.splitlines() if line.strip())

    def condition_fault(self, value: str) -> str:
        """Free text is never compared."""
        return "can hardly be its answer, which is free text"

    def name_words(self) -> list[str]:
        """`write`."""
        return ["write"]

    def other_kind(self, answers: Sequence[str]) -> Remark | None:
        """Labels, where a few texts come again and again; JSON, where all are."""
        different = sorted(set(answers))
        if len(different) <= _FEW_ANSWERS:
            why = f"all {len(answers)} answers are one of {len(different)} texts; as free text they are judged by likeness"
            return Remark("other_kind", "advice", why, f"output: {{kind: label, labels: [{listed(different)}]}}")
        if all(isinstance(try_json(answer), (dict, list)) for answer in answers):
            return Remark("other_kind", "advice", "all answers are JSON", "output: {kind: json, json_schema: ...}")
        return None

    def placeholder(self, language: Language) -> str:
        """A word for the text."""
        return "the answer as one text" if language == "en" else "答案全文"
