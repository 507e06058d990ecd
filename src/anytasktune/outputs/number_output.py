"""Answers that are one number of a range."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from statistics import median
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from anytasktune.outputs.answer_faults import AnswerFault
from anytasktune.outputs.answer_target import AnswerTarget
from anytasktune.outputs.grammar import NO_CHARACTER, GrammarText, every, regex, rule_terms
from anytasktune.outputs.output_kind import (
    DecodingMethod,
    LinearTarget,
    OutputKind,
    Parsed,
    Sentences,
    UnfitAnswerError,
)
from anytasktune.outputs.output_remarks import Remark
from anytasktune.outputs.rules import Rules, Violation
from anytasktune.records import Language, fault
from anytasktune.text.number_ranges import holds_number, number_regex, steps_of_range
from anytasktune.text.numbers import decimals_of, first_number, is_bare_number, numbers_in, ranges_in
from anytasktune.text.plain_text import listed, shorten

TOLERANCE = 0.05
"""Two numbers say the same if they are no further apart than this share of the range."""
MOST_SCORED = 200
"""Most numbers whose probabilities are computed."""
_REPEATED = 3
"""Rows per different number from which on training answers show all numbers that occur."""
_LARGEST = 1e15
_BANDS = 5


class NumberOutput(OutputKind):
    """One number from `minimum` to `maximum`, written with at most `decimals` digits after the point."""

    kind: Literal["number"]
    minimum: float
    maximum: float
    decimals: int = Field(0, ge=0, le=6)

    metrics = ("mae",)
    atomic = True
    task_type = "scoring"
    misfits: ClassVar[Mapping[str, Sentences]] = {
        "no_number": {"en": "answer is not a number.", "zh": "answer 不是数字。"},
    }

    @model_validator(mode="after")
    def _range_is_not_empty(self) -> "NumberOutput":
        if self.minimum >= self.maximum:
            raise fault(f"minimum {self.minimum:g} must be below maximum {self.maximum:g}", "minimum")
        if not holds_number(self.minimum, self.maximum, self.decimals):
            what = f"no number with {self.decimals} decimals lies from {self.minimum:g} to {self.maximum:g}"
            raise fault(what, "decimals")
        return self

    def parse(self, text: str, language: Language | None = None) -> Parsed:
        """Read the first number; `ok` where nothing else is written."""
        text = text.strip()
        return Parsed(text, ok=is_bare_number(text), value=first_number(text))

    def form_violations(self, parsed: Parsed, language: Language | None = None) -> Iterator[Violation]:
        """`bad_number`, or `out_of_range` and `decimals`."""
        if not parsed.ok:
            what = f"{shorten(parsed.text)!r} is not a bare number"
            yield Violation("bad_number", what, "write digits only, such as 3 or 2.5", "答案不是一个单独的数字。")
            return
        if not self.minimum <= parsed.value <= self.maximum:
            what = f"{parsed.text} is not from {self.minimum:g} to {self.maximum:g}"
            yield Violation("out_of_range", what, "correct the number or the range of the task", "数字超出了规定的范围。")
        if decimals_of(parsed.text) > self.decimals:
            what = f"{parsed.text} has more than {self.decimals} digits after the point"
            yield Violation("decimals", what, "round it, or raise output.decimals of the task", "小数位数过多。")

    def number_of(self, text: str) -> float | None:
        """The first number in `text`."""
        return first_number(text)

    @property
    def full_range(self) -> float:
        """The width of the range."""
        return self.maximum - self.minimum

    @property
    def plausible_from(self) -> float:
        """A quarter of the range off."""
        return 0.75

    def meaning(self, text: str, language: Language) -> float | None:
        """The number."""
        return first_number(text)

    def faults(self, reference: str, answer: str, language: Language) -> frozenset[AnswerFault]:
        """Too low, too high, or no number."""
        expected, given = reference_number(reference), first_number(answer)
        if given is None:
            return frozenset([AnswerFault("malformed")])
        return frozenset([AnswerFault("too_low" if given < expected else "too_high")] if given != expected else [])

    def likeness(self, one: str, other: str, language: Language | None = None) -> float:
        """`TOLERANCE` less their distance, as a share of the range."""
        return TOLERANCE - abs((first_number(one) or 0.0) - (first_number(other) or 0.0)) / self.full_range

    @property
    def linear_target(self) -> LinearTarget:
        """The number."""
        return "number"

    def folder_fields(self) -> dict[str, Any]:
        """The range."""
        return {"score_range": [self.minimum, self.maximum]}

    def constant_answer(self, references: Sequence[str]) -> str:
        """The median, written with as many digits as an answer may have."""
        return self.from_json(median(reference_number(reference) for reference in references), "en", None)

    def answer_schema(self, language: Language, rules: Rules, answers: Sequence[str]) -> dict[str, Any]:
        """A number or an integer of the range."""
        return {"type": "number" if self.decimals else "integer", "minimum": self.minimum, "maximum": self.maximum}

    def style_of(self, answers: Sequence[str], language: Language) -> int | None:
        """Digits after the point that every answer has; None where they differ."""
        seen = {decimals_of(answer.strip()) for answer in answers}
        return seen.pop() if len(seen) == 1 else None

    def from_json(self, value: Any, language: Language, style: Any) -> str:
        """The number, rounded as the task wants it, with `style` digits after the point."""
        number = first_number(value) if isinstance(value, str) else value
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not abs(number) < _LARGEST:
            raise UnfitAnswerError(self.misfits["no_number"])
        rounded = round(float(number), self.decimals) + 0.0  # never -0.0
        if style is not None:
            return f"{rounded:.{style}f}"
        text = f"{rounded:.{self.decimals}f}"
        return text.rstrip("0").rstrip(".") if self.decimals else text

    def to_json(self, text: str, language: Language | None = None) -> float | int | None:
        """The number; an integer where the task has no decimals."""
        parsed = self.parse(text)
        if not parsed.ok:
            return None
        return int(parsed.value) if parsed.value.is_integer() and not self.decimals else float(parsed.value)

    def targets(self, language: Language, rules: Rules, answers: Sequence[str]) -> dict[AnswerTarget, float]:
        """Each whole number of a short range, else bands of the range."""
        if self.decimals == 0 and self.full_range < 2 * _BANDS:
            numbers = range(int(self.minimum), int(self.maximum) + 1)
            return {AnswerTarget(low=number, high=number): 1.0 for number in numbers}
        edges = [round(self.minimum + self.full_range * part / _BANDS, self.decimals) for part in range(_BANDS + 1)]
        return {AnswerTarget(low=low, high=high): 1.0 for low, high in pairwise(edges)}

    def target_met_by(self, text: str, language: Language | None = None) -> AnswerTarget:
        """Its number."""
        number = first_number(text)
        return AnswerTarget(low=number, high=number)

    def grammar(self, rules: Rules, source: str, language: Language, style: Any) -> str:
        """The numbers of the range, with the digits after the point that known answers have."""
        grammar = GrammarText()
        digits = [style] if isinstance(style, int) and style <= self.decimals else range(self.decimals + 1)
        parts = [part for count in digits if (part := number_regex(self.minimum, self.maximum, count))]
        terms = rule_terms(grammar, rules.model_copy(update={"language": None}), source, language)
        return grammar.starting(grammar.terminal(every([regex("|".join(parts) or NO_CHARACTER), *terms])))

    @property
    def decoding(self) -> DecodingMethod:
        """By the probabilities of numbers, where there are few enough."""
        return "number_scoring"

    def possible_answers(self, rules: Rules, answers: Sequence[str], language: Language, style: Any) -> list[str]:
        """The numbers of the range, ascending; of a long range those of known answers, if these repeat; else none."""
        if rules.copies_from_input:
            return []
        digits = style if isinstance(style, int) and style <= self.decimals else self.decimals
        low, high = steps_of_range(self.minimum, self.maximum, digits)
        values = [step / 10**digits for step in range(low, high + 1)] if high - low < MOST_SCORED else []
        if not values:
            seen = sorted({reference_number(answer) for answer in answers})
            values = seen if 0 < len(seen) <= min(MOST_SCORED, len(answers) // _REPEATED) else []
        written = dict.fromkeys(self.from_json(value, language, style) for value in values)
        return [text for text in written if not any(self.violations(text, rules, text, language))]

    def place_of(self, text: str, possible: Sequence[str]) -> int:
        """The place of the nearest number."""
        number = reference_number(text)
        return min(range(len(possible)), key=lambda place: abs(reference_number(possible[place]) - number))

    def best_place(self, probabilities: Sequence[float]) -> int:
        """That of the median, which has the smallest expected absolute error."""
        middle = sum(probabilities) / 2
        return next((place for place, total in enumerate(accumulate(probabilities)) if total >= middle), 0)

    def form_sentences(self, rules: Rules, language: Language) -> list[str]:
        """The range and the digits after the point."""
        if language == "en":
            digits = f", with at most {self.decimals} digits after the point" if self.decimals else ""
            return [f"Answer with the number only, from {self.minimum:g} to {self.maximum:g}{digits}."]
        digits = f"，最多{self.decimals}位小数" if self.decimals else ""
        return [f"只回答{self.minimum:g}至{self.maximum:g}之间的一个数字{digits}。"]

    def placeholder(self, language: Language) -> str:
        """The range."""
        low, high = f"{self.minimum:g}", f"{self.maximum:g}"
        return f"a number from {low} to {high}" if language == "en" else f"{low}到{high}之间的数字"

    def condition_fault(self, value: str) -> str:
        """It is no number."""
        return "" if is_bare_number(value) else "is no number"

    def meets(self, text: str, values: Sequence[str]) -> bool:
        """Whether it is the same number as one of them."""
        return first_number(text) in {first_number(value) for value in values}

    def name_words(self) -> list[str]:
        """`rate`, and the range."""
        return ["rate", f"{self.minimum:g} to {self.maximum:g}"]

    def instruction_remarks(self, text: str, language: Language) -> Iterator[Remark]:
        """`range_contradicts` and `range_unsaid`."""
        low, high, said = self.minimum, self.maximum, ranges_in(text)
        if (low, high) in said or {low, high} <= numbers_in(text):
            return
        instead = f"write: a number from {low:g} to {high:g}" if language == "en" else f"写明：{low:g} 至 {high:g} 之间的数字"
        if said:
            spoken = listed([f"{a:g} to {b:g}" for a, b in sorted(said)])
            why = f"the instruction says {spoken}, the output is from {low:g} to {high:g}"
            yield Remark("range_contradicts", "error", why, instead)
        else:
            why = f"the instruction does not say that the number is from {low:g} to {high:g}"
            yield Remark("range_unsaid", "advice", why, instead)

    def constraints(self, language: Language) -> list[str]:
        """The range."""
        low, high = f"{self.minimum:g}", f"{self.maximum:g}"
        return [f"a number from {low} to {high}" if language == "en" else f"{low}到{high}之间的一个数"]

    def correctness(self, language: Language) -> str:
        """The right place on the scale."""
        english = "The number is where the task's scale puts this input."
        return english if language == "en" else "按任务的评分标准，这条输入就该是这个数。"


def reference_number(text: str) -> float:
    """The number a reference answer states.

    Raises:
        ValueError: there is none.
    """
    number = first_number(text)
    if number is None:
        raise ValueError(f"no number in {text!r}")
    return number
