"""The way JSON is written: indent, separators, escapes, and the order of keys."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anytasktune.outputs.json_schema import declared_in
from anytasktune.text.json_values import is_json, keys_in, load_json


@dataclass(frozen=True)
class JsonStyle:
    """A way of writing JSON.

    Attributes:
        indent: spaces per level; None: in one line.
        separators: between items, and between key and value.
        ascii_only: whether other characters are written as escapes.
        order: where a key stands among others.
        any_order: whether known answers differ in it.
    """

    indent: int | None = None
    separators: tuple[str, str] = (", ", ": ")
    ascii_only: bool = False
    order: Mapping[str, int] = field(default_factory=dict)
    any_order: bool = False

    @classmethod
    def of(cls, texts: Sequence[str], schema: Mapping[str, Any]) -> "JsonStyle":
        """The style most of `texts` are written in, keys in the order in which texts and schema first name them."""
        values = [(text.strip(), load_json(text)) for text in texts if is_json(text)]
        keys = dict.fromkeys([*keys_in([value for _, value in values]), *declared_in(schema)])
        order = {key: place for place, key in enumerate(keys)}
        any_order = any(not _keeps_to(order, value) for _, value in values)
        fits: Counter[JsonStyle] = Counter()
        for place, style in enumerate(_STYLES):
            fits[style] = 10 * sum(style.dumps(value) == text for text, value in values) - place
        best = fits.most_common(1)[0][0]
        return cls(best.indent, best.separators, best.ascii_only, order, any_order)

    def __hash__(self) -> int:
        return hash((self.indent, self.separators, self.ascii_only))

    def dumps(self, value: Any) -> str:
        """`value` as JSON in this style, its own order of keys kept where none is known."""
        ordered = self._ordered(value) if self.order else value
        return json.dumps(ordered, ensure_ascii=self.ascii_only, indent=self.indent, separators=self.separators)

    def _ordered(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._ordered(child) for child in value]
        if not isinstance(value, dict):
            return value
        names = sorted(value, key=lambda name: self.order.get(name, len(self.order)))
        return {name: self._ordered(value[name]) for name in names}


def _keeps_to(order: Mapping[str, int], value: Any) -> bool:
    """Whether the keys of every object in `value` stand in this order."""
    if isinstance(value, dict):
        places = [order[key] for key in value]
        return places == sorted(places) and all(_keeps_to(order, child) for child in value.values())
    return not isinstance(value, list) or all(_keeps_to(order, child) for child in value)


_STYLES = tuple(
    JsonStyle(indent, separators, ascii_only)
    for ascii_only in (False, True)
    for indent, separators in (
        (None, (", ", ": ")),
        (None, (",", ":")),
        (2, (",", ": ")),
        (4, (",", ": ")),
        (None, (", ", ":")),
    )
)
