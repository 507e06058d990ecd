"""Answers that are one JSON value of a schema."""

import json
import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from anytasktune.errors import ConfigError
from anytasktune.ids import canonical_json
from anytasktune.outputs.answer_faults import AnswerFault, set_faults
from anytasktune.outputs.answer_target import EMPTY, ENOUGH_ANSWERS, FILLED, AnswerTarget, item_counts
from anytasktune.outputs.json_grammar import json_grammar
from anytasktune.outputs.json_schema import (
    declared_in,
    declared_values,
    element_keys,
    enumerated,
    keys_of,
    required_in,
    schema_in,
    words_by_property,
)
from anytasktune.outputs.json_style import JsonStyle
from anytasktune.outputs.output_kind import OutputKind, Parsed, Pieces, Sentences, UnfitAnswerError, UntranslatableError
from anytasktune.outputs.output_remarks import Remark, names_after
from anytasktune.outputs.rules import Rules, Violation
from anytasktune.outputs.schema_validation import check_json_schema, schema_fault
from anytasktune.records import Language, fault
from anytasktune.text.json_values import load_json, repeated_keys, strings_at, try_json, write_out_escapes
from anytasktune.text.overlap import SHARED_WORDS, token_f1
from anytasktune.text.plain_text import listed, shorten

_LIST_OF_KEYS = re.compile(r"(?:\bkeys?\b(?: are)?|键(?:为|是|名为)?)\s*[:：]?\s*([^.。;；:：\n]+)", re.I)
_KEY = re.compile(r"[a-z][a-z0-9_]*")
Fact = tuple[tuple[str, ...], str]
"""(key path, value as canonical JSON)."""


class JsonOutput(OutputKind):
    """One JSON value, described by a JSON Schema (draft 2020-12)."""

    kind: Literal["json"]
    json_schema: dict[str, Any] = Field(default_factory=dict)

    metrics = ("json_f1",)
    task_type = "structured_generation"
    misfits: ClassVar[Mapping[str, Sentences]] = {
        "schema": {"en": "answer does not fit: {said}.", "zh": "answer 不符合格式：{said}。"},
    }

    @model_validator(mode="after")
    def _schema_can_be_used(self) -> "JsonOutput":
        try:
            check_json_schema(self.json_schema)
        except ConfigError as error:
            raise fault(error.problems[0].what, "json_schema") from None
        return self

    def parse(self, text: str, language: Language | None = None) -> Parsed:
        """Decode the JSON."""
        text = text.strip()
        try:
            return Parsed(text, ok=True, value=load_json(text))
        except ValueError as error:
            return Parsed(text, ok=False, error=str(error))

    def form_violations(self, parsed: Parsed, language: Language | None = None) -> Iterator[Violation]:
        """`bad_json`, or `duplicate_key` and `schema`."""
        if not parsed.ok:
            what, fix = f"the answer is not JSON: {parsed.error}", "write one JSON value and nothing around it"
            yield Violation("bad_json", what, fix, "答案不是JSON。")
            return
        for key in repeated_keys(parsed.text):
            what = f"the key {shorten(key)!r} stands twice in one object"
            yield Violation("duplicate_key", what, "keep one of them", "同一个键出现了两次。")
        if found := schema_fault(self.json_schema, parsed.value):
            fix = "change the answer or output.json_schema of the task"
            yield Violation("schema", found, fix, "答案不符合规定的JSON格式。")

    def count_items(self, parsed: Parsed) -> int | None:
        """Elements of an array."""
        return len(parsed.value) if isinstance(parsed.value, list) else None

    def strings(self, parsed: Parsed, language: Language | None = None) -> Pieces:
        """The strings inside; keys are not."""
        return tuple(strings_at(parsed.value))

    def pieces(self, text: str, language: Language | None = None) -> Pieces:
        """The strings inside; keys are not."""
        return self.strings(self.parse(text))

    @property
    def fixed_words(self) -> frozenset[str]:
        """The strings that the schema lists as values."""
        return frozenset(enumerated(self.json_schema))

    @property
    def plausible_from(self) -> float:
        """Some facts in common."""
        return 0.3

    def facts(self, text: str) -> frozenset[Hashable]:
        """The facts that a text states (see `facts_of`); none if it is no JSON."""
        return frozenset(facts_of(try_json(text, otherwise=[])))

    def meaning(self, text: str, language: Language) -> str:
        """The decoded value in one way of writing."""
        return canonical_json(self.parse(text).value)

    def faults(self, reference: str, answer: str, language: Language) -> frozenset[AnswerFault]:
        """Fields that are missing, too many or of another value, by their key path; no JSON."""
        if not self.parse(answer).ok:
            return frozenset([AnswerFault("malformed")])
        expected, given = (_values_by_field(facts_of(try_json(text, otherwise=[]))) for text in (reference, answer))
        differ = [field for field in expected.keys() & given.keys() if expected[field] != given[field]]
        wrong = {AnswerFault("wrong_value", field, field) for field in differ}
        return set_faults(frozenset(expected), frozenset(given)) | wrong

    def likeness(self, one: str, other: str, language: Language | None = None) -> float:
        """Equal where both state the same facts."""
        return 1.0 if self.facts(one) == self.facts(other) else -1.0

    def says_the_same(self, one: str, other: str, language: Language | None = None) -> bool:
        """The same facts, or values of which those in free words mostly share their words."""
        first, second = self.parse(one), self.parse(other)
        if self.likeness(one, other) >= 0 or not (first.ok and second.ok):
            return self.likeness(one, other) >= 0
        ours, theirs, fixed = _by_path(first.value), _by_path(second.value), self.fixed_words
        for path in ours | theirs:
            left, right = ours.get(path, []), theirs.get(path, [])
            if all(isinstance(value, str) and value not in fixed for value in [*left, *right]):
                same = token_f1(" ".join(left), " ".join(right)) >= SHARED_WORDS
            else:
                same = sorted(map(str, left)) == sorted(map(str, right))
            if not same:
                return False
        return True

    def schema_in(self, language: Language) -> dict[str, Any]:
        """The schema as far as it holds in `language`."""
        return schema_in(self.json_schema, language)

    @property
    def text_schema(self) -> dict[str, Any] | None:
        """Its own."""
        return self.json_schema

    def answer_schema(self, language: Language, rules: Rules, answers: Sequence[str]) -> dict[str, Any]:
        """The task's schema; an array or object, as known answers are, where there is none."""
        usual = "array" if any(answer.lstrip().startswith("[") for answer in answers) else "object"
        return self.schema_in(language) or {"type": usual}

    def style_of(self, answers: Sequence[str], language: Language) -> JsonStyle:
        """Indent, separators, escapes and order of keys."""
        return JsonStyle.of(answers, self.schema_in(language))

    def from_json(self, value: Any, language: Language, style: Any) -> str:
        """The value in the given `JsonStyle`."""
        value = try_json(value, otherwise=value) if isinstance(value, str) else value
        if found := schema_fault(self.schema_in(language), value):
            raise UnfitAnswerError(self.misfits["schema"], said=found)
        return str(style.dumps(value))

    def is_whole_answer(self, value: Mapping[str, Any], language: Language) -> bool:
        """An object with keys that fits the schema."""
        return bool(value) and not schema_fault(self.schema_in(language), value)

    def targets(self, language: Language, rules: Rules, answers: Sequence[str]) -> dict[AnswerTarget, float]:
        """Values the schema lists, fields filled and empty, or numbers of elements of an array."""
        objects = [value for answer in answers if isinstance(value := try_json(answer), dict)]
        either = {
            AnswerTarget(field=key, value=state): 1.0
            for key in dict.fromkeys(key for value in objects for key in value)
            if {value.get(key) not in (None, [], {}, "") for value in objects} == {True, False}
            for state in (FILLED, EMPTY)
        }
        declared = [AnswerTarget(field=key, value=value) for key, value in declared_values(self.json_schema, language)]
        found = declared or list(either)
        if len(objects) >= ENOUGH_ANSWERS:
            found = [target for target in found if target.value not in (FILLED, EMPTY) or target in either]
        if not found and self.json_schema.get("type") == "array":
            found = [AnswerTarget(items=count) for count in item_counts(rules, [])]
        return dict.fromkeys(found or [AnswerTarget()], 1.0)

    def written_out(self, text: str) -> str:
        """`\\u....` as the characters that are meant."""
        return write_out_escapes(text)

    def translated(self, text: str, source: Language, target: Language, pieces: Mapping[str, str]) -> str:
        """Every string by its translation, words of a list by their position where it has as many in each script."""
        lists = [words_by_property(self.schema_in(language)) for language in (source, target)]

        def change(value: Any, key: str) -> Any:
            if isinstance(value, dict):
                return {name: change(child, name) for name, child in value.items()}
            if isinstance(value, list):
                return [change(child, key) for child in value]
            if not isinstance(value, str) or not value.strip() or value in pieces:
                return pieces.get(value, value) if isinstance(value, str) else value
            own, other = (words.get(key, []) for words in lists)
            if value in other or value not in own:
                return value
            if len(own) != len(other):
                what = f"{shorten(value)!r} has no counterpart: the JSON Schema lists more words in one language"
                raise UntranslatableError(what)
            return other[own.index(value)]

        return JsonStyle.of([text], self.json_schema).dumps(change(self.parse(text).value, ""))

    def grammar(self, rules: Rules, source: str, language: Language, style: Any) -> str:
        """JSON of the schema, in the style of known answers."""
        style = style if isinstance(style, JsonStyle) else JsonStyle()
        return json_grammar(self.json_schema, rules, source, language, style)

    def form_sentences(self, rules: Rules, language: Language) -> list[str]:
        """Object or array, its keys, and how many items."""
        items, is_array = rules.items_in_words(language), self.json_schema.get("type") == "array"
        keys, null = element_keys(self.json_schema)
        if language == "en":
            named = (f" with the keys {', '.join(keys)}" if keys else "") + ("; null for what is not said" if null else "")
            of, each = (
                f" of {items} {'item' if rules.max_items == 1 else 'items'}" if items else "",
                f", each an object{named}" if keys else "",
            )
            return [f"Answer with one JSON array{of}{each}." if is_array else f"Answer with one JSON object{named}."]
        named = (f"，键为{'、'.join(keys)}" if keys else "") + ("；未提到的写null" if null else "")
        of, each = f"，{items}项" if items else "", f"，每项为一个对象{named}" if keys else ""
        return [f"只回答一个JSON数组{of}{each}。" if is_array else f"只回答一个JSON对象{named}。"]

    def placeholder(self, language: Language) -> str:
        """A word for the JSON."""
        return "the answer as JSON" if language == "en" else "JSON形式的答案"

    def design_remark(self, rules: Rules) -> Remark | None:
        """No schema."""
        why, instead = "any JSON at all would be a well-formed answer", "give output.json_schema with properties and required"
        return None if self.json_schema else Remark("no_checkable_rule", "error", why, instead)

    def with_usual_limits(self, rules: Rules) -> tuple["JsonOutput", Rules, str]:
        """Any object."""
        if self.design_remark(rules) is None:
            return self, rules, ""
        return self.model_copy(update={"json_schema": {"type": "object"}}), rules, "fields"

    def name_words(self) -> list[str]:
        """`fill`, and the keys."""
        return ["fill", *element_keys(self.json_schema)[0]]

    def instruction_remarks(self, text: str, language: Language) -> Iterator[Remark]:
        """`key_unnamed` and `key_unknown`."""
        keys, required = sorted(keys_of(self.json_schema)), required_in(self.json_schema)
        missing = [key for key in keys if not re.search(rf"(?<![A-Za-z0-9_]){re.escape(key)}(?![A-Za-z0-9_])", text)]
        if demanded := [key for key in missing if key in required]:
            why = f"the instruction does not name the keys {listed(demanded)}, so an untuned model has to guess them"
            yield Remark("key_unnamed", "error", why, "name every key, spelt as in output.json_schema")
        if optional := [key for key in missing if key not in required]:
            why = f"output.json_schema allows the keys {listed(optional)}, which the instruction does not name"
            yield Remark("key_unnamed", "advice", why, "say when they are to be given, or strike them from the schema")
        named = {name for names in names_after(_LIST_OF_KEYS, text, " \"'“”‘’`") for name in names}
        unknown = sorted(name for name in named if _KEY.fullmatch(name) and "_" in name and name not in keys)
        if keys and unknown:
            why = f"the instruction names {listed(unknown)}, which output.json_schema does not have"
            yield Remark("key_unknown", "error", why, "add it to the schema, or strike it from the instruction")

    def fields(self, text: str) -> dict[str, str] | None:
        """The values of an object, those that are no strings as JSON."""
        value = try_json(text)
        if not isinstance(value, dict):
            return None
        return {key: json_text(part) for key, part in value.items()}

    def part_faults(self, text: str, whole: list[str]) -> list[str]:
        """`schema`, where it is no element of the array."""
        element = self.json_schema.get("items")
        if element is None:
            return whole
        return ["schema"] if schema_fault(element, try_json(text, otherwise=text)) else []

    @property
    def has_items(self) -> bool:
        """Whether the schema allows an array."""
        return "array" in self._types

    def items(self, text: str) -> tuple[str, ...]:
        """The elements of an array: strings as they are, others as JSON."""
        value = try_json(text)
        return tuple(json_text(part) for part in value) if isinstance(value, list) else ()

    @property
    def keys(self) -> tuple[str, ...] | None:
        """The properties of an object; None where the schema names none."""
        if "object" not in self._types:
            return ()
        return tuple(declared_in(self.json_schema)) or None

    def at_key(self, key: str) -> "JsonOutput | None":
        """The schema of the property."""
        if self.keys is not None and key not in self.keys:
            return None
        part = declared_in(self.json_schema).get(key)
        shared = {name: self.json_schema[name] for name in ("$defs", "definitions") if name in self.json_schema}
        return JsonOutput(kind="json", json_schema={**shared, **part} if isinstance(part, dict) else {})

    def condition_fault(self, value: str) -> str:
        """The schema does not allow it."""
        read = [value, try_json(value, otherwise=value)]
        fits = any(not isinstance(one, (dict, list)) and not schema_fault(self.json_schema, one) for one in read)
        return "" if fits else "is no value its JSON Schema allows"

    def meets(self, text: str, values: Sequence[str]) -> bool:
        """Whether it is written as one of them; a string without its quotes."""
        value = try_json(text, otherwise=text)
        return json_text(value) in values

    @property
    def _types(self) -> frozenset[str]:
        """The JSON types the schema allows at the top; all of them where it does not say."""
        given = self.json_schema.get("type", ["array", "object"])
        return frozenset([given] if isinstance(given, str) else given)

    def correctness(self, language: Language) -> str:
        """The right value under every key."""
        return "Every key holds the value the task asks for." if language == "en" else "每个键的值都是任务要的。"


def json_text(value: Any) -> str:
    """A decoded JSON value as text: a string as it is, another value as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def facts_of(value: Any) -> frozenset[Fact]:
    """Flatten decoded JSON: a key path with each of its values; of a list of objects, each whole object.

    Order and repetition do not matter, strings are compared without space around them, and an empty list or object
    states nothing. `{"city": ["Rome", "Oslo"]}` has the facts (city, Rome) and (city, Oslo).
    """
    return frozenset(_facts((), _stripped(value)))


def _values_by_field(facts: Iterable[Fact]) -> dict[str, set[str]]:
    """Key path, joined by points → the values that stand there."""
    values: dict[str, set[str]] = defaultdict(set)
    for path, value in facts:
        values[".".join(path)].add(value)
    return dict(values)


def _facts(path: tuple[str, ...], value: Any) -> Iterator[Fact]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _facts((*path, key), child)
    elif isinstance(value, list):
        for child in value:
            if isinstance(child, dict):
                yield path, canonical_json(child)
            else:
                yield from _facts(path, child)
    else:
        yield path, canonical_json(value)


def _stripped(value: Any) -> Any:
    """Strings without space around them and whole floats as integers (1.0 and 1 are one JSON number)."""
    if isinstance(value, dict):
        return {key.strip(): _stripped(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_stripped(child) for child in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value.strip() if isinstance(value, str) else value


def _by_path(value: Any) -> dict[str, list[Any]]:
    """All values that say something, by the keys above them."""
    found: dict[str, list[Any]] = {}

    def gather(part: Any, path: str) -> None:
        if isinstance(part, (dict, list)):
            for key, child in part.items() if isinstance(part, dict) else (("", child) for child in part):
                gather(child, f"{path}/{key}" if isinstance(part, dict) else path)
        elif part not in (None, ""):
            found.setdefault(path, []).append(part)

    gather(value, "")
    return found
