"""Comparison of two JSON Schemas: does every value of the narrow one fit the wide one?

It errs to one side: where it finds no difference there is none, and what it cannot compare counts as a difference.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from anytasktune.errors import ConfigError
from anytasktune.ids import canonical_json
from anytasktune.outputs.schema_validation import schema_fault
from anytasktune.text.plain_text import shorten

_REMARKS = {"title", "description", "default", "examples", "$schema", "$id", "$comment", "deprecated", "readOnly", "writeOnly"}
_UNSEEN = _REMARKS | {"$defs", "definitions", "$ref", "type"}
_TYPES = ("null", "boolean", "object", "array", "number", "string")
_ONLY_FOR = {
    "object": {"properties", "required", "additionalProperties", "patternProperties", "minProperties", "maxProperties"}
    | {"propertyNames", "dependentRequired", "dependentSchemas", "unevaluatedProperties"},
    "array": {"items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains", "minContains", "maxContains"}
    | {"unevaluatedItems"},
    "string": {"minLength", "maxLength", "pattern", "format", "contentEncoding", "contentMediaType", "contentSchema"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
}
_LOW = {"minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum"}
_HIGH = {"maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum"}
_BY_ITSELF = {"anyOf", "oneOf", "not", "enum", "const", "pattern", "format", "multipleOf", "uniqueItems", "prefixItems"} | {
    *("patternProperties", "propertyNames", "dependentRequired", "dependentSchemas"),
    *("contentEncoding", "contentMediaType", "contentSchema"),
}
"""Keywords that demand the same wherever they stand."""
_MOST_STEPS = 20_000


def schema_difference(wide: Mapping[str, Any], narrow: Mapping[str, Any]) -> str:
    """The first place at which a value of `narrow` may not fit `wide`, with the reason; empty where every value fits."""
    plain = [canonical_json({key: value for key, value in each.items() if key not in _REMARKS}) for each in (wide, narrow)]
    return "" if plain[0] == plain[1] else _Comparison(wide, narrow).difference(wide, narrow, "")


@dataclass
class _Comparison:
    """A comparison of two schemas, part by part.

    Attributes:
        open_pairs: pairs of parts that are being compared: reached again by references, they hold if the rest does.
    """

    wide: Mapping[str, Any]
    narrow: Mapping[str, Any]
    steps: int = 0
    open_pairs: set[tuple[str, str]] = field(default_factory=set)

    def difference(self, wide: Any, narrow: Any, place: str) -> str:
        """As `schema_difference`, of the parts at `place`."""
        self.steps += 1
        if self.steps > _MOST_STEPS:
            return f"{place or '/'}: the schemas are too large to compare"
        if narrow is False or wide is True or (isinstance(wide, Mapping) and not set(wide) - _REMARKS):
            return ""
        if wide is False:
            return f"{place or '/'}: a value may stand there"
        narrow = {} if narrow is True else narrow
        if "$ref" in wide or "$ref" in narrow:
            return self._by_reference(wide, narrow, place)
        if "allOf" in wide:
            parts = [*wide["allOf"], _without(wide, "allOf")]
            return next(filter(None, (self.difference(part, narrow, place) for part in parts)), "")
        if "enum" in narrow or "const" in narrow:
            return self._of_values(wide, [narrow["const"]] if "const" in narrow else narrow["enum"], narrow, place)
        for kind in ("anyOf", "oneOf"):
            if kind in narrow and wide.get(kind) != narrow[kind]:
                return self._of_parts(wide, narrow, kind, place)
        if "allOf" in narrow and self.difference(wide, _without(narrow, "allOf"), place):  # one of the parts must fit alone
            found = [self.difference(wide, part, place) for part in narrow["allOf"]]
            return "" if "" in found else next(iter(found), "")
        given = narrow.get("type", _TYPES)
        kinds = [given] if isinstance(given, str) else given
        return next(filter(None, (self._of_type(wide, narrow, kind, place) for kind in kinds)), "")

    def _by_reference(self, wide: Any, narrow: Any, place: str) -> str:
        pair = canonical_json(wide), canonical_json(narrow)
        if pair in self.open_pairs:
            return ""
        self.open_pairs.add(pair)
        try:
            if "$ref" in narrow:
                return self.difference(wide, resolved(self.narrow, narrow["$ref"]), place)
            to_target = self.difference(resolved(self.wide, wide["$ref"]), narrow, place)
            return to_target or self.difference(_without(wide, "$ref"), narrow, place)
        except ConfigError as error:
            return f"{place or '/'}: {error.problems[0].what}"
        finally:
            self.open_pairs.discard(pair)

    def _of_parts(self, wide: Any, narrow: Any, kind: str, place: str) -> str:
        """Every alternative fits, or what is said beside them alone does."""
        found = [self.difference(wide, part, place) for part in narrow[kind]]
        worst = next(filter(None, found), "")
        return worst and self.difference(wide, _without(narrow, kind), place) and worst

    def _of_values(self, wide: Any, values: Any, narrow: Any, place: str) -> str:
        """Of listed values, those that the narrow schema allows."""
        try:
            for value in values:
                fault = schema_fault(_standing_alone(wide, self.wide), value)
                if fault and not schema_fault(_standing_alone(narrow, self.narrow), value):
                    return f"{place or '/'}: {shorten(canonical_json(value), 60)} may stand there"
        except ConfigError as error:
            return f"{place or '/'}: {shorten(error.problems[0].what, 120)}"
        return ""

    def _of_type(self, wide: Mapping[str, Any], narrow: Mapping[str, Any], kind: str, place: str) -> str:
        """Of values of one type."""
        if kind in {"null", "boolean"}:
            return self._of_values(wide, [None] if kind == "null" else [True, False], narrow, place)
        allowed = wide.get("type", kind)
        if kind not in (allowed := [allowed] if isinstance(allowed, str) else allowed) and not (
            kind == "integer" and "number" in allowed
        ):
            return f"{place or '/'}: a value of type {kind} may stand there"
        own, group = {**narrow, "type": kind}, "number" if kind == "integer" else kind
        others = set().union(*(words for name, words in _ONLY_FOR.items() if name != group))
        for keyword in sorted(set(wide) - _UNSEEN - others):
            if found := self._by_keyword(keyword, wide, own, place):
                return found
        return ""

    def _by_keyword(self, keyword: str, wide: Mapping[str, Any], narrow: Mapping[str, Any], place: str) -> str:
        """Of what one keyword of the wide schema demands."""
        limit, own = wide[keyword], narrow.get(keyword)
        if keyword in _BY_ITSELF and keyword in narrow and _same(own, limit):
            return ""
        match keyword:
            case "anyOf":
                found = [self.difference(part, narrow, place) for part in limit]
                return "" if "" in found else next(iter(found), f"{place or '/'}: anyOf is empty")
            case "required":
                missing = [name for name in limit if name not in narrow.get("required", ())]
                return f"{place}/{missing[0]}: it may be missing" if missing else ""
            case "properties" | "additionalProperties":
                members = _members(keyword, wide, narrow)
                return next(filter(None, (self.difference(part, own, f"{place}/{name}") for name, part, own in members)), "")
            case "items" if "prefixItems" not in wide or _same(wide["prefixItems"], narrow.get("prefixItems")):
                first = () if "prefixItems" in wide else narrow.get("prefixItems", ())
                every = [*first, narrow.get("items", True)]
                return next(filter(None, (self.difference(limit, part, f"{place}/items") for part in every)), "")
        if keyword in _LOW and own is not None and own >= limit:
            return ""
        if keyword in _HIGH and own is not None and own <= limit:
            return ""
        return f"{place or '/'}: {keyword} {shorten(canonical_json(limit), 60)} is not promised"


def resolved(root: Mapping[str, Any], reference: Any) -> Any:
    """The part of a schema that a reference inside it names; ConfigError where there is none."""
    found: Any = root
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise ConfigError(f"$ref {shorten(str(reference))} leaves the schema", fix="refer to #/$defs/name")
    for step in reference[1:].split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        elif isinstance(found, Mapping) and name in found:
            found = found[name]
        else:
            raise ConfigError(f"$ref {shorten(reference)} names nothing in the schema", fix="refer to #/$defs/name")
    return found


def _members(keyword: str, wide: Mapping[str, Any], narrow: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Keys of an object with their parts of both schemas, as far as a keyword of the wide one is about them."""
    declared, others = narrow.get("properties", {}), narrow.get("additionalProperties", True)
    others = True if "patternProperties" in narrow else others
    if keyword == "properties":
        yield from ((name, part, declared.get(name, others)) for name, part in wide["properties"].items())
        return
    known = wide.get("properties", {})
    yield from ((name, wide[keyword], part) for name, part in declared.items() if name not in known)
    yield "(other keys)", wide[keyword], others


def _standing_alone(part: Any, root: Mapping[str, Any]) -> Any:
    """A part of a schema with the definitions it may refer to."""
    if not isinstance(part, Mapping):
        return part
    return {**{name: root[name] for name in ("$defs", "definitions") if name in root}, **part}


def _same(one: Any, other: Any) -> bool:
    """Whether two parts demand the same: they are equal, and no reference in them leads to other definitions."""
    text = canonical_json(one)
    return text == canonical_json(other) and "$ref" not in text


def _without(schema: Mapping[str, Any], keyword: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != keyword}
