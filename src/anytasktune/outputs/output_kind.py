"""The base of all output kinds: everything that depends on the form of a task's answers, with usual defaults.

A new kind is one file with a subclass of `OutputKind`, and its registration in `outputs/__init__.py`. It has to say `kind`,
`metrics`, `parse`, `form_violations`, `answer_schema`, `from_json`, `form_sentences` and `placeholder`; the rest has defaults.
"""

from abc import abstractmethod
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from anytasktune.outputs.answer_faults import AnswerFault
from anytasktune.outputs.answer_target import AnswerTarget
from anytasktune.outputs.output_remarks import Remark
from anytasktune.outputs.rules import Rules, Violation
from anytasktune.records import Language, Record
from anytasktune.text.json_values import KeyPath
from anytasktune.text.pattern_completion import PatternCompletion

Metric = Literal["accuracy", "macro_f1", "set_f1", "json_f1", "rouge_l", "token_f1", "mae"]
LOWER_IS_BETTER: frozenset[Metric] = frozenset({"mae"})

TaskType = Literal["classification", "extraction", "structured_generation", "scoring", "generation", "rewriting"]
DecodingMethod = Literal["label_scoring", "number_scoring", "label_set_scoring", "greedy"]
LinearTarget = Literal["label", "label_set", "number"]
"""The things a linear model can be fitted to: one label of a list, any number of them, a number."""
Sentences = Mapping[Language, str]
Pieces = tuple[tuple[KeyPath, str], ...]
"""(keys above it, text) of pieces of text inside an answer."""


@dataclass(frozen=True)
class Parsed:
    """An answer, read.

    Attributes:
        text: the answer without white space around it.
        ok: whether it has the form of its output kind (a known label; JSON; a bare number; not empty).
        value: what could be read: the label, the items as a tuple, the first number, the decoded JSON, the text. None where
            there is nothing to read (look at `ok`: JSON `null` is None too).
        error: why it could not be read, where there is more to say than that.
    """

    text: str
    ok: bool
    value: Any = None
    error: str = ""


class UnfitAnswerError(ValueError):
    """A teacher's answer that cannot be written as an answer of the task; `sentences` say why in each language."""

    def __init__(self, sentences: Sentences, **values: str) -> None:
        self.sentences: dict[Language, str] = {language: text.format(**values) for language, text in sentences.items()}
        super().__init__(self.sentences["en"])


class UntranslatableError(ValueError):
    """A fixed word of an answer has no counterpart in the other language."""


class OutputKind(Record):
    """The form of the answers of a task.

    Wherever a method takes a `language`, it is that of the row, which is one the task has an instruction in; it matters only
    where labels differ by language. None stands for the first language.
    """

    kind: str

    metrics: ClassVar[tuple[Metric, ...]]
    """Metrics that can judge such answers; the first is the default."""
    single_choice: ClassVar[bool] = False
    """The whole answer is exactly one of a closed list."""
    atomic: ClassVar[bool] = False
    """An answer is one value without parts."""
    free_text: ClassVar[bool] = False
    """Any text may be right, so that equal inputs may well have different answers."""
    task_type: ClassVar[TaskType] = "generation"
    """The type of such tasks in a `task.json` of the benchmark's format."""
    misfits: ClassVar[Mapping[str, Sentences]] = {}
    """Faults that `from_json` may find, by name."""

    # --- reading an answer

    @abstractmethod
    def parse(self, text: str, language: Language | None = None) -> Parsed:
        """Read an answer. Never raises: one without the form of the kind has `ok` False."""

    @abstractmethod
    def form_violations(self, parsed: Parsed, language: Language | None = None) -> Iterator[Violation]:
        """Faults in the form of an answer that is not empty.

        Raises:
            ConfigError: the task's JSON Schema is no schema.
        """

    def violations(self, text: str, rules: Rules, source: str, language: Language | None = None) -> Iterator[Violation]:
        """All faults of an answer to the input `source`: of its form, then of the task's rules.

        Raises:
            ConfigError: the task's JSON Schema is no schema.
        """
        parsed = self.parse(text, language)
        if not parsed.text and not self.may_be_empty:
            yield Violation("empty_output", "the answer is empty", "write the answer, or remove the row", "答案为空。")
            return
        yield from self.form_violations(parsed, language)
        strings = [string for _, string in self.strings(parsed, language)]
        yield from rules.violations(parsed.text, self.count_items(parsed), strings, source)

    @property
    def may_be_empty(self) -> bool:
        """Whether an empty answer has the form of the kind."""
        return False

    def count_items(self, parsed: Parsed) -> int | None:
        """Number of items of an answer; None where it has none to count."""
        return None

    def strings(self, parsed: Parsed, language: Language | None = None) -> Pieces:
        """All pieces of text an answer is made of, chosen or free."""
        return (((), parsed.text),)

    def pieces(self, text: str, language: Language | None = None) -> Pieces:
        """Those pieces of an answer that are written freely; none where it is chosen from a closed list, or a number."""
        return ()

    def number_of(self, text: str) -> float | None:
        """The number an answer states; None where no number is asked for."""
        return None

    # --- closed lists

    def labels_in(self, language: Language | None = None) -> list[str] | None:
        """The closed list that answers of a row of `language` are chosen from; None where there is none."""
        return None

    def chosen(self, text: str, language: Language | None = None) -> tuple[str, ...]:
        """The members of the closed list that an answer names, as they stand there; empty where there is no such list."""
        return ()

    def in_language(self, language: Language, text: str, reference: str) -> str:
        """`text`, an answer to a row whose right answer is `reference`, as the label of `language` that means the same.

        So the same label counts as the same in all languages. An answer that is no label of the row's language is empty.
        Where labels do not differ by language it is `text` itself.
        """
        return text

    @property
    def fixed_words(self) -> frozenset[str]:
        """All strings that answers, or parts of them, must be chosen from, in all languages."""
        return frozenset()

    def check_languages(self, languages: Sequence[Language]) -> None:
        """Raise the `fault` of a task whose output does not go with the languages of its instruction."""
        return

    def folder_fields(self) -> dict[str, Any]:
        """Fields of a `task.json` that say the same as the output to readers that know no `output`."""
        return {}

    # --- comparing answers

    @property
    def full_range(self) -> float:
        """Distance between the best and the worst value the default metric can give an answer."""
        return 1.0

    @property
    def plausible_from(self) -> float:
        """Share of a perfect score from which whoever answered can be taken to understand the task."""
        return 1.0

    def facts(self, text: str) -> frozenset[Hashable]:
        """The statements of an answer, as a set whose members can be compared one by one."""
        return frozenset([text.strip()])

    def faults(self, reference: str, answer: str, language: Language) -> frozenset[AnswerFault]:
        """Differences of an answer from the reference that can be counted over rows; none where they are one of a kind.

        Args:
            language: the one that labels are named in.
        """
        return frozenset()

    def meaning(self, text: str, language: Language) -> Hashable:
        """The sense of an answer whatever its form, labels in the words of `language`; equal where two answers say the same."""
        return text.strip()

    def likeness(self, one: str, other: str, language: Language | None = None) -> float:
        """Agreement of two answers: from 0 to 1 where they say the same, below 0 where they do not."""
        return 1.0 if one == other else -1.0

    def says_the_same(self, one: str, other: str, language: Language | None = None) -> bool:
        """Whether two answers in words of their own say the same; more generous than `likeness`."""
        return self.likeness(one, other, language) >= 0

    def constant_answer(self, references: Sequence[str]) -> str | None:
        """The answer that scores best when it is given to every row; None where all are different."""
        answer, times = Counter(reference.strip() for reference in references).most_common(1)[0]
        return answer if times > 1 else None

    @property
    def linear_target(self) -> LinearTarget | None:
        """The thing a linear model of such answers is fitted to; None where there is none."""
        return None

    @property
    def decoding(self) -> DecodingMethod:
        """The way a model answers: by the probabilities of labels or numbers, or token by token."""
        return "label_scoring" if self.single_choice else "greedy"

    def possible_answers(self, rules: Rules, answers: Sequence[str], language: Language, style: Any) -> list[str]:
        """All answers in a fixed order, where they are so few that a model's probability of each is computed; else none.

        Args:
            answers: known ones, of any language.
            style: the way known answers of `language` are written (`style_of`).
        """
        return self.labels_in(language) or [] if self.single_choice else []

    def place_of(self, text: str, possible: Sequence[str]) -> int:
        """The place of a right answer among the possible ones.

        Raises:
            ValueError: it is none of them.
        """
        return possible.index(text.strip())

    def best_place(self, probabilities: Sequence[float]) -> int:
        """The place among the possible answers of the one with the best expected score."""
        return max(range(len(probabilities)), key=probabilities.__getitem__)

    def from_list(self, text: str) -> str:
        """An answer that was imported as a JSON list, written as the kind writes several items; others stay as they are."""
        return text

    # --- the answer as a teacher writes it

    @abstractmethod
    def answer_schema(self, language: Language, rules: Rules, answers: Sequence[str]) -> dict[str, Any]:
        """JSON Schema of an answer as JSON; `answers` are known ones of the language."""

    def style_of(self, answers: Sequence[str], language: Language) -> Any:
        """The way known answers of a language are written, to be passed to `from_json`."""
        return None

    @abstractmethod
    def from_json(self, value: Any, language: Language, style: Any) -> str:
        """A JSON value as an answer in text.

        Raises:
            UnfitAnswerError: it has not the form of an answer.
        """

    def to_json(self, text: str, language: Language | None = None) -> Any:
        """An answer as a JSON value; None where it has not the form of the kind."""
        parsed = self.parse(text, language)
        return parsed.value if parsed.ok else None

    def is_whole_answer(self, value: Mapping[str, Any], language: Language) -> bool:
        """Whether a JSON object is an answer by itself, without the wrapping it was asked for in."""
        return False

    def translated(self, text: str, source: Language, target: Language, pieces: Mapping[str, str]) -> str:
        """An answer in another language: labels by their position, free pieces as `pieces` have them.

        Raises:
            UntranslatableError: a fixed word has no counterpart.
        """
        return pieces.get(text.strip(), text)

    def targets(self, language: Language, rules: Rules, answers: Sequence[str]) -> dict[AnswerTarget, float]:
        """Targets for new answers with the weight of each; one empty target where any answer will do.

        Args:
            answers: known ones of `language`.
        """
        return {AnswerTarget(): 1.0}

    def target_met_by(self, text: str, language: Language | None = None) -> AnswerTarget:
        """A target that a known answer meets."""
        return AnswerTarget()

    def written_out(self, text: str) -> str:
        """An answer without escapes, so that its words can be found and replaced in it."""
        return text

    # --- generating an answer

    def grammar(self, rules: Rules, source: str, language: Language, style: Any) -> str | None:  # None: any text
        """Grammar (see `outputs.grammar`) of answers to the input `source` that have the form and break no rule.

        It may leave out what nobody would write, and let through what no grammar can say; `violations` has the last word.

        Args:
            style: the way known answers are written (`style_of`).

        Raises:
            ConfigError: there is no such answer, whatever the input.
        """
        return None

    def pattern_completion(self, rules: Rules) -> PatternCompletion | None:
        """The ends of answers that must match the rules' pattern; None where nothing is known about them."""
        return None

    def grammar_reads_input(self, rules: Rules) -> bool:
        """Whether the grammar differs by the input."""
        return rules.copies_from_input

    @property
    def text_schema(self) -> dict[str, Any] | None:
        """The JSON Schema of an answer's text; None where it is no JSON."""
        return None

    def shows_beginnings(self, rules: Rules) -> bool:
        """Whether every beginning of a right answer is a right answer, so that it can be shown while it is generated."""
        return False

    # --- the form of the answer in words

    @abstractmethod
    def form_sentences(self, rules: Rules, language: Language) -> list[str]:
        """Sentences of an instruction that say everything a program will check about the form."""

    @abstractmethod
    def placeholder(self, language: Language) -> str:
        """A few words that stand for the answer, such as "a number from 1 to 7"."""

    # --- what a reviewer says

    def design_remark(self, rules: Rules) -> Remark | None:
        """The remark that a program can check nothing about an answer, where that is so."""
        return None

    def instruction_remarks(self, text: str, language: Language) -> Iterator[Remark]:
        """Remarks on an instruction that describes the output wrongly, or not at all."""
        yield from ()

    def other_kind(self, answers: Sequence[str]) -> Remark | None:
        """The remark that all these answers would better be of another kind."""
        return None

    def fields(self, text: str) -> dict[str, str] | None:
        """The parts of an answer by name, an answer without names under the empty one; None where it has not that form."""
        return {"": text}

    def part_faults(self, text: str, whole: list[str]) -> list[str]:
        """Rules that `text` breaks as one item of an answer, where it breaks those of `whole` as an answer by itself."""
        return ["max_items"] if "\n" in text.strip() else [rule for rule in whole if rule not in {"min_items", "pattern"}]

    # --- handing an answer over to a later step of an action

    @property
    def has_items(self) -> bool:
        """Whether an answer can be taken apart into items."""
        return False

    def items(self, text: str) -> tuple[str, ...]:
        """The items of an answer, where it has any; none of an answer without the form."""
        return ()

    @property
    def keys(self) -> tuple[str, ...] | None:
        """The keys that values of an answer stand under; None where any may, nothing where answers have no keys."""
        return ()

    def at_key(self, key: str) -> "OutputKind | None":
        """The form of the value under a key; None where answers have no such key."""
        return None

    def condition_fault(self, value: str) -> str:
        """The reason why no answer can be compared with `value`; empty where some can."""
        return ""

    def meets(self, text: str, values: Sequence[str]) -> bool:
        """Whether an answer is one of `values`."""
        return text.strip() in {value.strip() for value in values}

    # --- drafting a task

    def with_usual_limits(self, rules: Rules) -> tuple["OutputKind", Rules, str]:
        """Output and rules, with a usual limit where a program could check nothing, and the name of what was left open."""
        return self, rules, ""

    def name_words(self) -> list[str]:
        """Words a task can be named by: a verb, then the choices, keys or limits of its answers."""
        return [self.kind]

    def lacks_labels_in(self, languages: Sequence[Language]) -> bool:
        """Whether labels are given per language, and not for exactly these."""
        return False

    def in_languages(self, languages: Sequence[Language]) -> "OutputKind":
        """The same output for an instruction in these languages."""
        return self

    # --- for a judge

    def constraints(self, language: Language) -> list[str]:
        """Short clauses about the form, beside the closed list and the task's rules, for a judge."""
        return []

    def correctness(self, language: Language) -> str:
        """The statement that an answer is right, for a judge to agree with or not."""
        english = "The answer does what the task says and leaves out nothing that is needed."
        return english if language == "en" else "答案做到了任务的要求，该有的都有。"
