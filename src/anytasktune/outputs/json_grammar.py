"""The grammar of JSON answers: a JSON Schema in the usual keywords, written in the style of known answers.

Keys stand in the order of the known answers, or in any order where these differ in it; each at most once. Where a schema uses
other keywords, the engine's own reading of JSON Schema takes its place. What neither can say (items that are unique, keys of
free choice that repeat) is found when the answer is checked.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anytasktune.errors import ConfigError
from anytasktune.outputs.grammar import GrammarText, copied, either, every, exactly, regex, times
from anytasktune.outputs.json_schema import keys_of
from anytasktune.outputs.json_style import JsonStyle
from anytasktune.outputs.rules import Rules
from anytasktune.records import Language
from anytasktune.text.automaton_regex import automaton_regex
from anytasktune.text.scripts import script_regex

_REMARKS = {"title", "description", "default", "examples", "$schema", "$id", "$comment", "deprecated", "readOnly", "writeOnly"}
_CHECKED_LATER = {"uniqueItems", "format", "contentMediaType", "contentEncoding"}
_ANYWHERE = _REMARKS | _CHECKED_LATER | {"type", "enum", "const", "$defs", "definitions"}
_KEYWORDS = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"minLength", "maxLength", "pattern"},
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "boolean": set(),
    "null": set(),
}
_TYPES = tuple(_KEYWORDS)
_MOST_KEYS_IN_ANY_ORDER = 60
_LONGEST_COUNTED = 200
_ESCAPE = r"\\[\x22\\/bfnrt]|\\u00[01][0-9a-f]"
_CHARACTER = r"[^\x22\\\x00-\x1F\x7F]"
_ASCII_CHARACTER = r"[\x20-\x7E--\x22\\]|\\u(?:[0-9a-ce-f][0-9a-f]{3}|d[0-7][0-9a-f]{2}|d[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2})"
_WHOLE = "-?(?:0|[1-9][0-9]{0,17})"
_NUMBER = rf"{_WHOLE}(?:\.[0-9]{{1,17}})?"


class _OtherKeywordError(Exception):
    """The schema uses a keyword that is left to the engine."""


def json_grammar(
    schema: Mapping[str, Any],
    rules: Rules,
    source: str,
    language: Language,
    style: JsonStyle,
    *,
    strict: bool = False,
) -> str:
    """Grammar of JSON that fits `schema` and keeps to `rules`.

    Args:
        strict: nothing is left to whoever checks the answer: the engine then refuses keywords that it cannot hold it to.

    Raises:
        ConfigError: there is none.
    """
    schema = _with_item_counts(schema, rules)
    try:
        writer = _Writer(GrammarText(), schema, rules, source, language, style, strict)
        return writer.grammar.starting(writer.value(schema, 0))
    except _OtherKeywordError:
        return GrammarText().starting(_by_engine(schema, style, strict))


def _with_item_counts(schema: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    """The schema with the numbers of items that the rules want of an array."""
    counted = dict(schema)
    if schema.get("type") != "array":
        return counted
    if rules.min_items is not None:
        counted["minItems"] = max(rules.min_items, schema.get("minItems", 0))
    if rules.max_items is not None:
        counted["maxItems"] = min(rules.max_items, schema.get("maxItems", rules.max_items))
    return counted


def _by_engine(schema: Mapping[str, Any] | bool, style: JsonStyle, strict: bool) -> str:
    """The rule by which the engine reads a schema itself."""
    item, key = style.separators
    options: dict[str, Any] = {"whitespace_flexible": False, "item_separator": item, "key_separator": key}
    if style.indent is not None:
        options = {"whitespace_pattern": r"[\x20\n]{1,40}"}
    options["lenient"] = not strict
    whole = dict(schema) if isinstance(schema, Mapping) else {} if schema else {"not": {}}
    return f"%json {json.dumps(whole | {'x-guidance': options})}"


@dataclass
class _Writer:
    """A schema being written as rules.

    Attributes:
        open_keys: whether known answers have keys that the schema does not declare.
    """

    grammar: GrammarText
    schema: Mapping[str, Any]
    rules: Rules
    source: str
    language: Language
    style: JsonStyle
    strict: bool
    references: dict[str, str] = field(default_factory=dict)

    def value(self, schema: Any, level: int) -> str:
        """Name of the rule for one value at a depth of `level`."""
        if schema is False or not isinstance(schema, (Mapping, bool)):
            raise _OtherKeywordError
        schema = {} if schema is True else schema
        if self.strict and set(schema) & _CHECKED_LATER:
            raise _OtherKeywordError
        if not set(schema) - _REMARKS:
            return self.grammar.rule(_by_engine({}, self.style, self.strict))
        if "$ref" in schema:
            return self._reference(schema)
        if isinstance(schema.get("anyOf"), list) and schema["anyOf"] and not set(schema) - _ANYWHERE - {"anyOf"}:
            if {"type", "enum", "const"} & set(schema):
                raise _OtherKeywordError
            return self.grammar.rule(either([self.value(part, level) for part in schema["anyOf"]]))
        kinds = self._kinds(schema)
        if "const" in schema or "enum" in schema:
            return self._listed(schema, kinds)
        return self.grammar.rule(either([self._of_kind(kind, schema, level) for kind in kinds]))

    def _kinds(self, schema: Mapping[str, Any]) -> list[str]:
        given = schema.get("type", [kind for kind in _TYPES if kind != "integer"])
        kinds = [given] if isinstance(given, str) else list(given)
        known = _ANYWHERE.union(*(_KEYWORDS[kind] for kind in kinds if kind in _KEYWORDS))
        if not kinds or set(kinds) - set(_TYPES) or ("type" not in schema and not {"enum", "const"} & set(schema)):
            raise _OtherKeywordError
        if set(schema) - known:
            raise _OtherKeywordError
        return kinds

    def _listed(self, schema: Mapping[str, Any], kinds: Sequence[str]) -> str:
        if set(schema) - _ANYWHERE:
            raise _OtherKeywordError
        values = [schema["const"]] if "const" in schema else list(schema["enum"])
        values = [value for value in values if any(_is_of(kind, value) for kind in kinds)]
        if not values:
            raise ConfigError("output.json_schema has a place with no value that could stand there", fix="list values in enum")
        return self.grammar.rule(either([exactly(self.style.dumps(value)) for value in values]))

    def _of_kind(self, kind: str, schema: Mapping[str, Any], level: int) -> str:
        match kind:
            case "object":
                return self._object(schema, level)
            case "array":
                return self._array(schema, level)
            case "string":
                return self._string(schema)
            case "boolean":
                return '"true" | "false"'
            case "null":
                return '"null"'
        limits = {key: value for key, value in schema.items() if key in _KEYWORDS[kind]}
        if not limits:
            return self.grammar.terminal(regex(_WHOLE if kind == "integer" else _NUMBER))
        return self.grammar.rule(_by_engine({"type": kind, **limits}, JsonStyle(), self.strict))

    def _reference(self, schema: Mapping[str, Any]) -> str:
        """The rule of a definition, which may refer to itself."""
        name = schema["$ref"]
        place = name.removeprefix("#/$defs/").removeprefix("#/definitions/") if isinstance(name, str) else ""
        definitions = {**self.schema.get("definitions", {}), **self.schema.get("$defs", {})}
        if (
            set(schema) - _REMARKS - {"$ref", "$defs", "definitions"}
            or place not in definitions
            or self.style.indent is not None
        ):
            raise _OtherKeywordError
        if place not in self.references:
            self.references[place] = self.grammar.new_name()
            self.grammar.define(self.references[place], self.value(definitions[place], 0))
        return self.references[place]

    def _string(self, schema: Mapping[str, Any]) -> str:
        if "pattern" in schema:
            pattern = automaton_regex(schema["pattern"], whole=False)
            if pattern is None:
                raise _OtherKeywordError
            limits = {**_only(schema, "minLength", "maxLength"), "type": "string", "pattern": pattern}
            return self.grammar.rule(_by_engine(limits, JsonStyle(), self.strict))
        return self.grammar.terminal(f"{exactly(chr(34))} ({self._inside(schema)}) {exactly(chr(34))}")

    def _inside(self, schema: Mapping[str, Any]) -> str:
        """The part between the quotes of a string."""
        unit = f"(?:{_ASCII_CHARACTER if self.style.ascii_only else _CHARACTER}|{_ESCAPE})"
        low, high = schema.get("minLength", 0), schema.get("maxLength")
        if high is not None and low > high:
            what = f"no string has at least {low} and at most {high} characters"
            raise ConfigError(what, fix="change minLength and maxLength of output.json_schema")
        if self.strict and max(low, high or 0) > _LONGEST_COUNTED:
            raise _OtherKeywordError
        counts = f"{{{min(low, _LONGEST_COUNTED)},{high if high is not None and high <= _LONGEST_COUNTED else ''}}}"
        terms = [regex(unit + (counts if low or high is not None else "*"))]
        if self.rules.copies_from_input:
            escape = {char: written for char in set(self.source) if (written := self._written(char)) != char}
            copy = copied(self.grammar, self.source, escape)
            terms = [copy] if not low and high is None else [*terms, copy]
        if self.rules.language and not self.style.ascii_only:
            terms.append(regex(script_regex(self.rules.language)))
        return every(terms)

    def _written(self, char: str) -> str:
        return json.dumps(char, ensure_ascii=self.style.ascii_only)[1:-1]

    def _spaces(self, level: int) -> tuple[str, str, str]:
        """After an opening bracket, between items, and before the closing bracket of what stands at `level`."""
        separator = self.style.separators[0]
        if self.style.indent is None:
            return "", separator, ""
        inner, outer = ("\n" + " " * (self.style.indent * depth) for depth in (level + 1, level))
        return inner, separator.rstrip() + inner, outer

    def _array(self, schema: Mapping[str, Any], level: int) -> str:
        low, high = schema.get("minItems", 0), schema.get("maxItems")
        if high is not None and low > high:
            what = f"no array has at least {low} and at most {high} items"
            raise ConfigError(what, fix="change minItems and maxItems of output.json_schema, or the rules of the task")
        if high == 0:
            return exactly("[]")
        item = self.value(schema.get("items", True), level + 1)
        start, between, end = self._spaces(level)
        more = f"({exactly(between)} {item}){times(max(low, 1) - 1, None if high is None else high - 1)}"
        filled = f"{exactly('[' + start)} {item} {more} {exactly(end + ']')}"
        return self.grammar.rule(filled if low else f"{exactly('[]')} | {filled}")

    def _object(self, schema: Mapping[str, Any], level: int) -> str:
        declared = dict(schema.get("properties", {}))
        required = list(schema.get("required", ()))
        extra = schema.get("additionalProperties", True)
        undeclared = set(self.style.order) - keys_of(self.schema)
        is_open = extra is not False and (not declared or bool(undeclared))
        for name in required:
            declared.setdefault(name, extra)
        names = sorted(declared, key=lambda name: self.style.order.get(name, len(self.style.order)))
        members = _Members(
            [
                f"{exactly(self.style.dumps(name) + self.style.separators[1])} {self.value(declared[name], level + 1)}"
                for name in names
            ],
            [name in required for name in names],
            self._free_member(extra, names, level) if is_open else None,
            exactly(self._spaces(level)[1]),
        )
        start, _, end = self._spaces(level)
        if not names and not is_open:
            return exactly("{}")
        any_order = self.style.any_order and 1 < len(names) <= _MOST_KEYS_IN_ANY_ORDER
        inside = members.in_any_order(self.grammar) if any_order else members.in_order(self.grammar)
        filled = f"{exactly('{' + start)} {inside} {exactly(end + '}')}"
        return self.grammar.rule(filled if required else f"{exactly('{}')} | {filled}")

    def _free_member(self, schema: Any, names: Sequence[str], level: int) -> str:
        """A key of the model's own choice with its value."""
        unit = f"(?:{_ASCII_CHARACTER if self.style.ascii_only else _CHARACTER}|{_ESCAPE})"
        free = f"{exactly(chr(34))} {regex(unit + '*')} {exactly(chr(34))}"
        key = every([free, *(f"~{exactly(self.style.dumps(name))}" for name in names)])
        return f"{self.grammar.terminal(key)} {exactly(self.style.separators[1])} {self.value(schema, level + 1)}"


@dataclass(frozen=True)
class _Members:
    """The members of an object, and the rule for at least one of them.

    Attributes:
        pairs: key and value of each declared member.
        required: whether it must be there.
        free: a member with a key of free choice, where such may follow.
        between: what stands between two members.
    """

    pairs: list[str]
    required: list[bool]
    free: str | None
    between: str

    def in_order(self, grammar: GrammarText) -> str:
        """Declared members in their order, then free ones."""
        more = "" if self.free is None else grammar.rule(f"({self.between} {self.free})*")
        first = None if self.free is None else grammar.rule(f"{self.free} {more}")
        for pair, required in zip(reversed(self.pairs), reversed(self.required), strict=True):
            alone = grammar.rule(f"{pair} {more}")
            first = alone if required or first is None else grammar.rule(f"{alone} | {first}")
            after = f"{self.between} {alone}"
            more = grammar.rule(after if required else f"{after} | {more or exactly('')}")
        return first or exactly("")

    def in_any_order(self, grammar: GrammarText) -> str:
        """Declared members, each once, and free ones, in any order."""
        order = sorted(range(len(self.pairs)), key=lambda place: not self.required[place])
        pairs = [grammar.rule(self.pairs[place]) for place in order]
        name = grammar.new_name()
        wanted = sum(self.required)
        full = f" %if is_ones([0:{wanted}])" if wanted else ""
        ends = f'""{full}'
        later = [f"{self.between} {pair} {name}::set_bit({bit}) %if bit_clear({bit})" for bit, pair in enumerate(pairs)]
        first = [f"{pair} {name}::set_bit({bit})" for bit, pair in enumerate(pairs)]
        if self.free is not None:  # not before the required ones, or an answer would be hard to close at its length limit
            later.append(f"{self.between} {self.free} {name}::_{full}")
            first += [] if wanted else [f"{self.free} {name}::_"]
        grammar.define(f"{name}::_", " | ".join([ends, *later]))
        grammar.define(f"{name}f::_", " | ".join(first))
        return f"{name}f::0"


def _only(schema: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: schema[key] for key in keys if key in schema}


def _is_of(kind: str, value: Any) -> bool:
    """Whether a value is of a JSON type."""
    match kind:
        case "boolean":
            return isinstance(value, bool)
        case "integer" | "number":
            whole = isinstance(value, int) or (isinstance(value, float) and (kind == "number" or value.is_integer()))
            return whole and not isinstance(value, bool)
        case "null":
            return value is None
    return isinstance(value, {"string": str, "array": list, "object": dict}[kind])
