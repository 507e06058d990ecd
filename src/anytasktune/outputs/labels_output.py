"""Answers that are several items in one line, free or from a closed list."""

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from anytasktune.outputs.answer_faults import AnswerFault, set_faults
from anytasktune.outputs.answer_target import AnswerTarget, item_counts, label_shares
from anytasktune.outputs.grammar import (
    IN_LINE,
    INK,
    NO_CHARACTER,
    GrammarText,
    copied,
    either,
    every,
    exactly,
    regex,
    rule_terms,
    times,
)
from anytasktune.outputs.label_lists import (
    Labels,
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
from anytasktune.outputs.output_kind import LinearTarget, OutputKind, Parsed, Pieces, Sentences, UnfitAnswerError
from anytasktune.outputs.output_remarks import Remark
from anytasktune.outputs.rules import Rules, Violation
from anytasktune.records import Language
from anytasktune.text.automaton_regex import literal
from anytasktune.text.json_values import load_json
from anytasktune.text.overlap import SHARED_WORDS, token_f1
from anytasktune.text.plain_text import collapse_space, listed, occurs_in, shorten
from anytasktune.text.scripts import script_regex

_SEPARATOR_NAMES = {
    ";": ("semicolon", "分号"),
    ",": ("comma", "逗号"),
    "、": ("顿号",),
    "|": ("vertical bar", "pipe", "竖线"),
    "\n": ("one per line", "a line", "per line", "每行", "换行", "一行一"),
}
_QUOTED_SEPARATOR = re.compile(r"[\"“”'‘’「`]\s*([;；,，、|])\s*[\"“”'‘’」`]")
USUAL_ITEMS = 5
"""Items of an open list without any limit of its own."""
_USUAL_SEPARATORS = re.compile(r"[;；,，、|｜\n]")


class LabelsOutput(OutputKind):
    """Several items in one line; a closed list when `labels` is given (as in `LabelOutput`), free phrases otherwise."""

    kind: Literal["labels"]
    labels: Labels | None = None
    separator: str = Field("; ", min_length=1)
    """The characters between two items, e.g. "; " or "；"."""

    metrics = ("set_f1",)
    task_type = "classification"
    misfits: ClassVar[Mapping[str, Sentences]] = {
        "no_list": {"en": "answer is not a list of texts.", "zh": "answer 不是由文字组成的数组。"},
        "separator_inside": {"en": 'no item may contain "{separator}".', "zh": "各项中不能含有“{separator}”。"},
        "unknown_label": {
            "en": '"{said}" is not one of: {labels}.',
            "zh": "“{said}”不在可选范围内，只能从以下各项中选：{labels}。",
        },
    }

    def parse(self, text: str, language: Language | None = None) -> Parsed:
        """Read the items in their order, repetitions kept."""
        text, labels = text.strip(), self.labels_in(language)
        items = split_items(text, self.separator)
        return Parsed(text, ok=labels is None or set(items) <= set(labels), value=items)

    def form_violations(self, parsed: Parsed, language: Language | None = None) -> Iterator[Violation]:
        """`separator` and `unknown_label`."""
        labels, zh = self.labels_in(language), "各项之间的分隔不符合要求。"
        fix = f"put {self.separator!r} between two items and nowhere else"
        core = self.separator.strip()
        if parsed.text and core and len(re.split(_either_width(core), parsed.text)) != len(parsed.value):
            yield Violation("separator", f"{self.separator!r} stands where no item follows or precedes it", fix, zh)
        if labels is None:
            if "\n" in parsed.text and "\n" not in self.separator:
                yield Violation("separator", "the items stand on several lines", fix, zh)
            return
        for item in parsed.value:
            if item in labels:
                continue
            parts = [part.strip() for part in _USUAL_SEPARATORS.split(item)]
            if len(parts) > 1 and set(parts) <= set(labels):
                what = f"{shorten(item)!r} holds {len(parts)} labels not separated as the task says"
                yield Violation("separator", what, fix, zh)
            else:
                yield unknown_label(item, labels)

    @property
    def may_be_empty(self) -> bool:
        """No item at all is a list too."""
        return True

    def count_items(self, parsed: Parsed) -> int:
        """The items, repetitions counted."""
        return len(parsed.value)

    def strings(self, parsed: Parsed, language: Language | None = None) -> Pieces:
        """The items."""
        return tuple(((), item) for item in parsed.value)

    def pieces(self, text: str, language: Language | None = None) -> Pieces:
        """The items of an open list."""
        return () if self.labels_in(language) else self.strings(self.parse(text, language))

    def labels_in(self, language: Language | None = None) -> list[str] | None:
        """The labels of `language`; None for free phrases."""
        return labels_of(self.labels, language)

    def chosen(self, text: str, language: Language | None = None) -> tuple[str, ...]:
        """The items, repetitions kept; none of an open list."""
        return tuple(self.parse(text, language).value) if self.labels is not None else ()

    def from_list(self, text: str) -> str:
        """The items of a JSON list of texts, separated as the task says."""
        try:
            items = load_json(text)
        except ValueError:
            return text
        is_list = isinstance(items, list) and all(isinstance(item, str) for item in items)
        return self.separator.join(items) if is_list else text

    def in_language(self, language: Language, text: str, reference: str) -> str:
        """The label of `language` that means the same."""
        return counterpart(self.labels, language, text, reference)

    @property
    def fixed_words(self) -> frozenset[str]:
        """The labels of all languages."""
        return frozenset(all_labels(self.labels))

    @property
    def linear_target(self) -> LinearTarget | None:
        """The labels of a closed list."""
        return "label_set" if self.labels else None

    def folder_fields(self) -> dict[str, Any]:
        """The labels of all languages in one list, and that there may be several."""
        return ({"labels": all_labels(self.labels)} if self.labels else {}) | {"multi_label": True}

    def check_languages(self, languages: Sequence[Language]) -> None:
        """Refuse faulty lists, and lists for other languages than those of the instruction."""
        check_labels(self.labels, languages)

    @property
    def plausible_from(self) -> float:
        """All items of a closed list, some of an open one."""
        return 1.0 if self.labels else 0.3

    def facts(self, text: str) -> frozenset[Hashable]:
        """The items, each once."""
        return frozenset(split_items(text, self.separator))

    def meaning(self, text: str, language: Language) -> frozenset[str]:
        """The items as labels of `language`, in any order."""
        return frozenset(self.in_language(language, item, item) for item in split_items(text.strip(), self.separator))

    def faults(self, reference: str, answer: str, language: Language) -> frozenset[AnswerFault]:
        """Items that are missing, and items that are too many."""
        return set_faults(self.meaning(reference, language), self.meaning(answer, language))

    def likeness(self, one: str, other: str, language: Language | None = None) -> float:
        """Equal where the items are, in any order."""
        return 1.0 if self.facts(one.strip()) == self.facts(other.strip()) else -1.0

    def says_the_same(self, one: str, other: str, language: Language | None = None) -> bool:
        """The same items or, in an open list, mostly the same words."""
        first, second = (" ".join(split_items(text.strip(), self.separator)) for text in (one, other))
        return self.likeness(one, other) >= 0 or (not self.labels and token_f1(first, second) >= SHARED_WORDS)

    def answer_schema(self, language: Language, rules: Rules, answers: Sequence[str]) -> dict[str, Any]:
        """An array of strings."""
        labels = self.labels_in(language)
        item: dict[str, Any] = {"type": "string"} | ({"enum": labels} if labels else {})
        sizes = {"minItems": rules.min_items, "maxItems": rules.max_items}
        return {"type": "array", "items": item} | {key: value for key, value in sizes.items() if value is not None}

    def style_of(self, answers: Sequence[str], language: Language) -> str:
        """The separator as most answers have it."""
        core = self.separator.strip()
        written: Counter[str] = Counter({self.separator: 1})
        for separator in dict.fromkeys([self.separator, core, f"{core} "] if core else []):
            for text in map(str.strip, answers):
                items = split_items(text, self.separator)
                written[separator] += len(items) > 1 and separator.join(items) == text
        return written.most_common(1)[0][0]

    def from_json(self, value: Any, language: Language, style: Any) -> str:
        """The items with the separator `style` between them, each once."""
        given = split_items(value, self.separator) if isinstance(value, str) else value
        if not isinstance(given, Sequence) or not all(isinstance(item, str) for item in given):
            raise UnfitAnswerError(self.misfits["no_list"])
        items, labels = list(dict.fromkeys(collapse_space(item) for item in given if item.strip())), self.labels_in(language)
        for item in items if labels else ():
            if known_label(item, labels or ()) is None:
                raise UnfitAnswerError(self.misfits["unknown_label"], said=item[:60], labels=", ".join(labels or ()))
        whole = list(dict.fromkeys(known_label(item, labels or ()) or item for item in items))
        core = self.separator.strip() or self.separator
        if any(core in item for item in whole):
            raise UnfitAnswerError(self.misfits["separator_inside"], separator=core)
        return str(style).join(whole)

    def to_json(self, text: str, language: Language | None = None) -> list[str] | None:
        """The items."""
        parsed = self.parse(text, language)
        return list(parsed.value) if parsed.ok else None

    def targets(self, language: Language, rules: Rules, answers: Sequence[str]) -> dict[AnswerTarget, float]:
        """Numbers of items, of a closed list with each of its labels among them."""
        lists, labels = [split_items(answer, self.separator) for answer in answers], self.labels_in(language)
        counts = item_counts(rules, [len(items) for items in lists])
        if not labels:
            return {AnswerTarget(items=count): 1.0 for count in counts}
        usable = [count for count in counts if 1 <= count <= len(labels)] or [1]
        shares = label_shares(labels, Counter(item for items in lists for item in items))
        found = {
            AnswerTarget(label=label, items=usable[place % len(usable)]): share
            for place, (label, share) in enumerate(shares.items())
        }
        return found | ({AnswerTarget(items=0): 1 / (len(labels) + 1)} if 0 in counts else {})

    def target_met_by(self, text: str, language: Language | None = None) -> AnswerTarget:
        """Its number of items."""
        return AnswerTarget(items=len(split_items(text, self.separator)))

    def translated(self, text: str, source: Language, target: Language, pieces: Mapping[str, str]) -> str:
        """Each item by its translation, or its label at the same position."""
        return self.separator.join(
            pieces[item] if item in pieces else translated_label(self.labels, item, source, target)
            for item in split_items(text.strip(), self.separator)
        )

    def grammar(self, rules: Rules, source: str, language: Language, style: Any) -> str:
        """Items with the separator between them, as many as the rules want; none at all where they want none."""
        grammar = GrammarText()
        item = self._item(grammar, rules, source, language)
        low, high = max(rules.min_items or 1, 1), rules.max_items
        between = exactly(style or self.separator)
        form = f"{item} ({between} {item}){times(low - 1, None if high is None else high - 1)}"
        terms = rule_terms(grammar, rules.model_copy(update={"copies_from_input": False, "language": None}), source, language)
        answer = grammar.terminal(every([form, *terms]))
        return grammar.starting(answer if rules.min_items else f'{answer} | ""')

    def _item(self, grammar: GrammarText, rules: Rules, source: str, language: Language) -> str:
        """A terminal for one item."""
        if (labels := self.labels_in(language)) is not None:
            usable = [label for label in labels if not rules.copies_from_input or occurs_in(label, source)]
            return grammar.terminal(either([exactly(label) for label in usable] or [regex(NO_CHARACTER)]))
        core = self.separator.strip() or self.separator
        line = IN_LINE if len(core) > 1 else f"[{IN_LINE}--{_either_width(core)}]"
        ends = f"[{line}&&{INK}]"
        form = [regex(f"{ends}(?:{line}*{ends})?")]
        form += [regex(r"(?s:.*)"), f"~{regex(rf'(?s:.*){_either_width(core)}(?s:.*)')}"] if len(core) > 1 else []
        form += [regex(script_regex(rules.language))] if rules.language else []
        return grammar.terminal(every([*form, *([copied(grammar, source)] if rules.copies_from_input else [])]))

    def form_sentences(self, rules: Rules, language: Language) -> list[str]:
        """The list, how many items, and what stands between them."""
        items, labels = rules.items_in_words(language), self.labels_in(language)
        if language == "en":
            what = f"Answer with those that apply, of: {', '.join(labels)}." if labels else "Answer with short phrases."
            number = f"Give {items} {'item' if rules.max_items == 1 else 'items'}, " if items else "Give the items "
            return [what, number + ("one per line." if self.separator == "\n" else f'separated by "{self.separator}".')]
        what = f"从以下各项中选出符合的：{'、'.join(labels)}。" if labels else "用简短的词语回答。"
        number = f"写出{items}项，" if items else ""
        return [what, number + ("每行一项。" if self.separator == "\n" else f"各项用“{self.separator}”隔开。")]

    def placeholder(self, language: Language) -> str:
        """A word for the items."""
        return "[the items]" if language == "en" else "[各项]"

    def design_remark(self, rules: Rules) -> Remark | None:
        """Phrases of an open list without a rule."""
        if self.labels is not None or rules.limits_form:
            return None
        why = "any list of any phrases would be a well-formed answer"
        instead = "give output.labels, or rules: max_items and, if the phrases are quoted, copies_from_input"
        return Remark("no_checkable_rule", "error", why, instead)

    def instruction_remarks(self, text: str, language: Language) -> Iterator[Remark]:
        """`label_unnamed`, `label_unknown`, `separator_contradicts` and `separator_unsaid`."""
        if (labels := self.labels_in(language)) is not None:
            yield from label_remarks(labels, text)
        half_width = str.maketrans("；，", ";,")
        own = (self.separator.strip() or self.separator).translate(half_width)
        named = {sign.translate(half_width) for sign in _QUOTED_SEPARATOR.findall(text)}
        named |= {sign for sign, names in _SEPARATOR_NAMES.items() if any(name in text.lower() for name in names)}
        instead = f'write: separated by "{self.separator}"' if language == "en" else f"写明：用“{self.separator}”隔开"
        if named and own not in named:
            why = f"the instruction names {listed(sorted(map(repr, named)))}, output.separator is {self.separator!r}"
            yield Remark("separator_contradicts", "error", why, instead)
        elif not named:
            why = f"the instruction does not say that items are separated by {self.separator!r}"
            yield Remark("separator_unsaid", "advice", why, instead)

    def other_kind(self, answers: Sequence[str]) -> Remark | None:
        """One label, where there is never more than one item."""
        if not all(len(split_items(answer, self.separator)) == 1 for answer in answers):
            return None
        instead = "output: {kind: label, labels: [...]}, which cannot be malformed"
        return Remark("other_kind", "advice", "every row has exactly one item", instead)

    def with_usual_limits(self, rules: Rules) -> tuple["LabelsOutput", Rules, str]:
        """At most `USUAL_ITEMS` phrases."""
        if self.design_remark(rules) is None:
            return self, rules, ""
        return self, rules.model_copy(update={"max_items": max(USUAL_ITEMS, rules.min_items or 0)}), "items"

    def name_words(self) -> list[str]:
        """`list`, and the labels in one order."""
        return ["list", *in_one_order(self.labels)]

    def lacks_labels_in(self, languages: Sequence[Language]) -> bool:
        """Whether labels are given per language, and not for exactly these."""
        return isinstance(self.labels, dict) and set(self.labels) != set(languages)

    @property
    def has_items(self) -> bool:
        """They are items."""
        return True

    def items(self, text: str) -> tuple[str, ...]:
        """The items."""
        return split_items(text.strip(), self.separator)

    def condition_fault(self, value: str) -> str:
        """It is no label of a closed list."""
        known = all_labels(self.labels)
        return f"is no label of it; its labels: {listed(known)}" if known and value not in known else ""

    def meets(self, text: str, values: Sequence[str]) -> bool:
        """Whether one of the items means the same as one of them."""
        return any(same_label(self.labels, item, value) for item in self.items(text) for value in values)

    def in_languages(self, languages: Sequence[Language]) -> "LabelsOutput":
        """With labels for these languages only."""
        return self.model_copy(update={"labels": labels_for(self.labels, languages) if self.labels else None})

    def constraints(self, language: Language) -> list[str]:
        """The separator."""
        english = f"items are separated by {self.separator!r}"
        return [english if language == "en" else f"各项之间用“{self.separator}”隔开"]

    def correctness(self, language: Language) -> str:
        """Exactly the right items."""
        english = "The answer has exactly the items the task asks for; none is missing, wrong or too many."
        return english if language == "en" else "各项正好是任务要的，没有缺漏、错误或多余。"


def split_items(text: str, separator: str) -> tuple[str, ...]:
    """The items of a list written in one line, without the space around them; empty items are left out.

    Full-width and half-width forms of the separator ("；" and ";") and any space around it are taken as the same. A
    separator of white space alone ("\\n") is taken literally.
    """
    core = separator.strip()
    parts = re.split(_either_width(core), text) if core else text.split(separator)
    return tuple(item for part in parts if (item := part.strip()))


def _either_width(core: str) -> str:
    """Regular expression for `core` in full-width or half-width characters."""
    pattern = ""
    for char in core:
        shift = 0xFEE0 if 0x21 <= ord(char) <= 0x7E else -0xFEE0 if 0xFF01 <= ord(char) <= 0xFF5E else 0
        pattern += f"[{literal(char + chr(ord(char) + shift))}]"
    return pattern
